/**
 * All groups with their servers as chips, which are dragged from one group to another; by keyboard each chip's menu has
 * "Move to…". Dispatches `move` (the servers) for that.
 */

import type { Row } from "../api/mirror";
import type { GoalStatus, GroupSummary } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, repeat, state } from "../base/element";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { importanceWord } from "../base/words";
import { memberOf, type Member } from "./data";
import { drag, dropped, moveServers, takes } from "./moving";

const MOST = 40; // chips of a group until all are asked for

@customElement("hpm-group-board")
export class GroupBoardPart extends HpmElement {
  @property({ attribute: false }) groups: readonly GroupSummary[] = [];
  /** The servers of each group, by its id; another map when any of them has changed. */
  @property({ attribute: false }) servers: ReadonlyMap<string, readonly Row[]> = new Map();
  @state() private over = "";
  @state() private whole: ReadonlySet<string> = new Set();

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr));
        gap: var(--gap);
        align-items: start;
      }
      .over {
        outline: 2px dashed var(--accent);
        outline-offset: -2px;
        background: var(--chosen);
      }
      header {
        margin-bottom: 8px;
      }
      ul {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      li {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        min-height: 28px;
        max-width: 100%;
        padding: 0 8px;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--raised);
      }
      li[draggable="true"] {
        cursor: grab;
      }
      li a {
        overflow-wrap: anywhere;
        min-height: 24px;
      }
      li button {
        min-height: 24px;
        min-width: 24px;
        padding: 0 4px;
      }
    `,
  ];

  override render() {
    return html`${repeat(
      this.groups,
      (one) => one["object-id"],
      (one) => this.group(one, this.servers.get(one["object-id"]) ?? []),
    )}`;
  }

  private group(group: GroupSummary, servers: readonly Row[]) {
    const id = group["object-id"];
    const seen = this.whole.has(id) ? servers : servers.slice(0, MOST);
    return html`<section
      class="panel ${this.over === id ? "over" : ""}"
      aria-label=${group.name}
      @dragover=${(event: DragEvent) => mayWrite() && takes(event) && (this.over = id)}
      @dragleave=${(event: DragEvent) => this.left(event)}
      @drop=${(event: DragEvent) => this.drop(event, group)}
    >
      <header class="spread">
        <h2><a href=${link("groups", id)}>${group.name}</a></h2>
        <span class="help">
          ${group.importance ? html`${importanceWord(group.importance)} · ` : nothing}${plural("{n} server", "{n} servers", servers.length)}
          <hpm-status status=${group["goal-status"]} short></hpm-status>
        </span>
      </header>
      <ul class="plain-list">
        ${repeat(
          seen,
          (one) => one.uuid,
          (one) => this.chip(memberOf(one), one.status),
        )}
      </ul>
      ${servers.length === 0 ? html`<p class="help">${mayWrite() ? t("No servers. Drag some here.") : t("No servers.")}</p>` : nothing}
      ${seen.length < servers.length
        ? html`<button class="plain" type="button" @click=${() => (this.whole = new Set([...this.whole, id]))}>
            ${plural("Show {n} more", "Show {n} more", servers.length - seen.length)}
          </button>`
        : nothing}
    </section>`;
  }

  private chip(server: Member, status: GoalStatus) {
    const may = mayWrite();
    return html`<li draggable=${may ? "true" : "false"} @dragstart=${(event: DragEvent) => may && drag(event, [server])}>
      <hpm-status status=${status} short></hpm-status>
      <a href=${link("servers", server.id)} draggable="false">${server.name}</a>
      ${may
        ? html`<button class="plain" type="button" aria-label=${t("Move {name} to…", { name: server.name })} title=${t("Move to…")} @click=${() => this.emit("move", [server])}>
            ⇄
          </button>`
        : nothing}
    </li>`;
  }

  private left(event: DragEvent): void {
    const to = event.relatedTarget;
    if (!(to instanceof Node) || !(event.currentTarget as Element).contains(to)) this.over = "";
  }

  private drop(event: DragEvent, group: GroupSummary): void {
    this.over = "";
    const servers = mayWrite() ? dropped(event) : [];
    if (servers.length > 0) void moveServers(servers, { id: group["object-id"], name: group.name });
  }
}

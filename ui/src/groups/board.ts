/**
 * All groups with their servers as chips, which are dragged from one group to another; by keyboard each chip's menu has
 * "Move to…". Dispatches `move` (the servers) for that.
 */

import type { GroupSummary, ServerSummary } from "../api/types";
import { idOf } from "../api/uris";
import { mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, repeat, state } from "../base/element";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { importanceWord } from "../base/words";
import { byName, member, type Member } from "./data";
import { drag, dropped, moveServers, takes } from "./moving";

const MOST = 40; // chips of a group until all are asked for

@customElement("hpm-group-board")
export class GroupBoardPart extends HpmElement {
  @property({ attribute: false }) groups: readonly GroupSummary[] = [];
  @property({ attribute: false }) servers: readonly ServerSummary[] = [];
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
    const of = new Map<string, ServerSummary[]>();
    for (const server of this.servers) {
      const id = idOf(server["workload-resource-group"]);
      const known = of.get(id);
      if (known) known.push(server);
      else of.set(id, [server]);
    }
    return html`${repeat(
      this.groups,
      (one) => one["object-id"],
      (one) => this.group(one, of.get(one["object-id"]) ?? []),
    )}`;
  }

  private group(group: GroupSummary, servers: ServerSummary[]) {
    const id = group["object-id"];
    servers.sort((one, other) => byName(one.name, other.name));
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
          (one) => one["object-id"],
          (one) => this.chip(member(one), one),
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

  private chip(server: Member, shown: ServerSummary) {
    const may = mayWrite();
    return html`<li draggable=${may ? "true" : "false"} @dragstart=${(event: DragEvent) => may && drag(event, [server])}>
      <hpm-status status=${shown["goal-status"]} short></hpm-status>
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

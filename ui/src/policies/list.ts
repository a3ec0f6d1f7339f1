/**
 * All groups and their policies, the most important groups first. Moving a group to another place gives its active
 * policy another importance: by dragging, by buttons, and by Alt and the arrows. Undo takes it back.
 */

import type { Group, Importance, Policy } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property, repeat, state } from "../base/element";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { IMPORTANCES, importanceWord } from "../base/words";
import { policyDraft } from "./draft";
import { Dragging, type DropPlace } from "./drag";
import { isScheduled, policyOf } from "./model";
import { classesWords, scheduleWords } from "./words";
import { setImportance } from "./writes";

@customElement("hpm-policy-list")
export class PolicyList extends HpmElement {
  @property({ attribute: false }) groups: readonly Group[] = [];
  /** What is searched for in names of groups and policies. */
  @property() search = "";
  @state() private said = "";
  /** The group that is being moved, and where its focus goes when it is there. */
  private moving: { id: string; importance: Importance; tool: string } | null = null;
  private readonly dragging = new Dragging(this, (key, over) => this.dropped(key, over));

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
      }
      .band {
        display: grid;
        gap: 8px;
        padding: 4px 0 4px 12px;
        border-inline-start: 4px solid var(--line);
        min-width: 0;
      }
      .band > h2 {
        font-size: var(--small);
        color: var(--dim);
      }
      .band.empty {
        min-height: 28px;
      }
      .band.drop-before,
      .band.drop-after {
        border-color: var(--accent);
        background: var(--chosen);
      }
      .group {
        padding: 8px 12px;
      }
      .head {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) auto;
        gap: 8px;
        align-items: center;
      }
      .head.still {
        grid-template-columns: minmax(0, 1fr);
      }
      .grip {
        cursor: grab;
        color: var(--dim);
        touch-action: none;
        width: 24px;
        height: 32px;
        display: grid;
        place-items: center;
        user-select: none;
      }
      .tools button {
        min-width: 32px;
        padding: 2px;
      }
      th,
      td {
        padding-block: 4px;
        height: auto;
        min-height: var(--row);
        vertical-align: top;
        overflow-wrap: anywhere;
      }
      tr:last-child td {
        border: none;
      }
      table {
        table-layout: fixed;
      }
      .active {
        font-weight: 600;
      }
      .unsaved {
        color: var(--advice);
      }
      @media (max-width: 760px) {
        thead {
          position: absolute;
          clip-path: inset(50%);
        }
        table,
        tbody,
        tr,
        td {
          display: block;
        }
        td {
          border: none;
          padding: 0;
          min-height: 0;
        }
        tr {
          padding: 4px 0;
          border-bottom: 1px solid var(--line);
        }
      }
    `,
  ];

  override render() {
    const shown = this.groups.filter((one) => this.fits(one));
    if (shown.length === 0) return html`<p class="dim">${t("No group or policy has that in its name.")}</p>`;
    return html`${IMPORTANCES.map((one) => this.band(one, shown))}${this.band(null, shown)}
      <p class="hidden-text" aria-live="polite">${this.said}</p>`;
  }

  private band(importance: Importance | null, shown: readonly Group[]) {
    const groups = shown.filter((one) => importanceOf(one) === importance);
    if (groups.length === 0 && (importance === null || (this.search && !this.dragging.key))) return nothing;
    const label = importance ? t("Importance {importance}", { importance: importanceWord(importance) }) : t("No active policy: unmanaged, servers keep their shares");
    const mark = importance ? this.dragging.mark(importance) : "";
    return html`<section class="band ${groups.length === 0 ? "empty" : ""} ${mark}" data-drop=${importance ?? nothing} aria-label=${label}>
      <h2>${label}${groups.length === 0 ? ` – ${t("no group")}` : ""}</h2>
      ${repeat(groups, (one) => one["object-id"], (one) => this.group(one))}
    </section>`;
  }

  private group(group: Group) {
    const id = group["object-id"];
    const moves = mayWrite() && importanceOf(group) !== null;
    const policies = group["perf-policies"];
    return html`<section class="panel group" id="group-${id}" aria-label=${group.name} @keydown=${(event: KeyboardEvent) => this.typed(event, group)}>
      <div class="head ${moves ? "" : "still"}">
        ${moves ? html`<span class="grip" draggable="true" data-drag=${id} aria-hidden="true" title=${t("Drag to another importance")}>⠿</span>` : nothing}
        <div class="row">
          <h3><a href=${link("policies", id)}>${group.name}</a></h3>
          <span class="help">${plural("{n} server", "{n} servers", group["virtual-servers"].length)}</span>
        </div>
        ${moves ? this.tools(group) : nothing}
      </div>
      ${policies.length > 0
        ? this.table(group, policies)
        : html`<p class="help">${t("It has no policy.")} ${mayWrite() ? html`<a href=${link("policies", id)}>${t("Create one")}</a>` : nothing}</p>`}
      ${group.schedule?.length ? html`<p class="help">${t("Schedule:")} ${scheduleWords(group.schedule, group.otherwise)} <a href=${link("policies", id, { tab: "schedule" })}>${t("Week")}</a></p>` : nothing}
    </section>`;
  }

  private tools(group: Group) {
    const at = IMPORTANCES.indexOf(importanceOf(group)!);
    const name = group.name;
    return html`<span class="tools row">
      <button class="plain up" type="button" ?disabled=${at === 0} aria-label=${t("Make {name} more important", { name })} title=${t("More important (Alt+↑)")} @click=${() => this.move(group, at - 1)}>↑</button>
      <button class="plain down" type="button" ?disabled=${at === IMPORTANCES.length - 1} aria-label=${t("Make {name} less important", { name })} title=${t("Less important (Alt+↓)")} @click=${() => this.move(group, at + 1)}>↓</button>
    </span>`;
  }

  private table(group: Group, policies: readonly Policy[]) {
    return html`<table aria-label=${t("Policies of {name}", { name: group.name })}>
      <colgroup>
        <col width="220" />
        <col width="120" />
        <col width="170" />
        <col />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">${t("Policy")}</th>
          <th scope="col">${t("Importance")}</th>
          <th scope="col">${t("Active")}</th>
          <th scope="col">${t("Service classes")}</th>
        </tr>
      </thead>
      <tbody>
        ${policies.map((one) => {
          const active = one.name === group["active-policy"];
          const unsaved = policyDraft(group["object-id"], one.name) !== null;
          return html`<tr>
            <td class=${active ? "active" : ""}>
              <a href=${link("policies", group["object-id"], { policy: one.name })}>${one.name}</a>
              ${unsaved ? html`<span class="unsaved">✎ ${t("unsaved changes")}</span>` : nothing}
            </td>
            <td>${importanceWord(one.importance)}</td>
            <td>${active ? `● ${t("active")}` : ""} ${isScheduled(group, one.name) ? html`<span class="dim">${t("by schedule")}</span>` : nothing}</td>
            <td>${classesWords(one)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  private fits(group: Group): boolean {
    const wanted = this.search.trim().toLowerCase();
    const names = [group.name, ...group["perf-policies"].map((one) => one.name)];
    return !wanted || names.some((one) => one.toLowerCase().includes(wanted));
  }

  private typed(event: KeyboardEvent, group: Group): void {
    const importance = importanceOf(group);
    if (!event.altKey || !importance || !mayWrite() || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    void this.move(group, IMPORTANCES.indexOf(importance) + (event.key === "ArrowUp" ? -1 : 1));
  }

  private dropped(id: string, over: DropPlace): void {
    const group = this.groups.find((one) => one["object-id"] === id);
    const at = IMPORTANCES.indexOf(over.key as Importance);
    if (group && at >= 0) void this.move(group, at);
  }

  private async move(group: Group, at: number): Promise<void> {
    const importance = IMPORTANCES[at];
    if (!importance || importance === importanceOf(group)) return;
    const tool = at < IMPORTANCES.indexOf(importanceOf(group)!) ? ".up" : ".down";
    this.moving = { id: group["object-id"], importance, tool };
    if (!(await setImportance(group, importance))) {
      this.moving = null;
      return;
    }
    this.said = t("{name} has importance {importance} now.", { name: group.name, importance: importanceWord(importance) });
    this.emit("changed");
  }

  /** A group that has come to another part of the page takes the focus with it. */
  override updated(): void {
    const { moving } = this;
    const group = this.groups.find((one) => one["object-id"] === moving?.id);
    if (!moving || !group || importanceOf(group) !== moving.importance) return;
    this.moving = null;
    this.focusTool(moving.id, moving.tool);
  }

  private focusTool(id: string, tool: string): void {
    const box = this.renderRoot.querySelector(`#group-${CSS.escape(id)}`);
    const wanted = box?.querySelector<HTMLButtonElement>(tool);
    (wanted && !wanted.disabled ? wanted : box?.querySelector<HTMLElement>("a"))?.focus();
  }
}

function importanceOf(group: Group): Importance | null {
  return policyOf(group, group["active-policy"])?.importance ?? null;
}

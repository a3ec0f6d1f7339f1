/**
 * Asks what there is to ask before many virtual servers are changed, tells how far it is, and what could not be done.
 * Dispatches `done` with the rows that are left.
 */

import { mirror, type Row } from "../api/mirror";
import type { GroupSummary } from "../api/types";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { list } from "../base/format";
import { complaint } from "../base/notices";
import { locale, plural, t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { Bulk, exclude, manageAgain, putInGroup } from "./bulk";

export type BulkKind = "group" | "exclude" | "manage";

/** Servers that one request puts in a group. */
const AT_ONCE = 25;
const MOST_NAMES = 5;

@customElement("hpm-servers-bulk")
export class BulkDialog extends HpmElement {
  @state() private kind: BulkKind = "group";
  @state() private rows: readonly Row[] = [];
  @state() private groups: readonly GroupSummary[] = [];
  @state() private group = "";
  @state() private move = false;
  @state() private error: string | null = null;
  @state() private job: Bulk | null = null;
  @state() private over = false;
  @query("hpm-dialog") private dialog!: DialogPart;

  static override styles = [
    HpmElement.styles,
    css`
      progress {
        width: 100%;
        height: 12px;
        accent-color: var(--accent);
      }
      .failures {
        max-height: 40vh;
        overflow: auto;
      }
      .failures li {
        padding: 4px 0;
        border-bottom: 1px solid var(--line);
        overflow-wrap: anywhere;
      }
    `,
  ];

  show(kind: BulkKind, rows: readonly Row[], groups: readonly GroupSummary[]): void {
    Object.assign(this, { kind, rows, groups, group: "", move: false, error: null, job: null, over: false });
    this.dialog.show();
  }

  override render() {
    const n = this.rows.length;
    const what = n === 1 ? this.rows[0]!.name : plural("{n} virtual server", "{n} virtual servers", n);
    const heading = {
      group: t("Put {what} in a group", { what }),
      exclude: t("Leave {what} alone", { what }),
      manage: t("Manage {what} again", { what }),
    }[this.kind];
    const action = { group: t("Put in group"), exclude: t("Leave alone"), manage: t("Manage again") }[this.kind];
    return html`<hpm-dialog
      heading=${heading}
      action=${this.job ? "" : action}
      .error=${this.error}
      @save=${this.begin}
      @close=${this.closed}
    >
      ${this.job ? this.told(this.job) : html`<div class="stack">${this.question()}</div>`}
      ${this.job && !this.over
        ? html`<button slot="actions" type="button" ?disabled=${this.job.stopped} @click=${() => this.job?.stop()}>
            ${this.job.stopped ? t("Stopping…") : t("Stop")}
          </button>`
        : nothing}
    </hpm-dialog>`;
  }

  private question() {
    if (this.kind === "exclude") {
      return html`<p>${t("hpm does not set their shares any more, whatever their goals. What it set is taken back. They are still measured.")}</p>`;
    }
    if (this.kind === "manage") {
      return html`<p>${t("Those that were excluded, or whose shares an administrator changed, are managed again as their groups' policies say.")}</p>`;
    }
    const elsewhere = this.elsewhere();
    return html`<div class="field">
        <label for="group">${t("Group")}</label>
        <select id="group" aria-invalid=${this.error !== null && !this.group} @change=${this.chosen}>
          <option value="" .selected=${!this.group}>${t("Choose a group")}</option>
          ${this.groups.map((one) => html`<option value=${one["object-id"]} .selected=${one["object-id"] === this.group}>${one.name}</option>`)}
        </select>
      </div>
      ${elsewhere.length > 0
        ? html`<label class="choice">
              <input
                type="checkbox"
                .checked=${this.move}
                @change=${(event: Event) => (this.move = (event.target as HTMLInputElement).checked)}
              />
              ${plural("Take one out of the group that it is in", "Take {n} out of the groups that they are in", elsewhere.length)}
            </label>
            <p class="help">${this.whereFrom(elsewhere)} ${t("Without this they stay there.")}</p>`
        : nothing}`;
  }

  private readonly chosen = (event: Event): void => {
    this.group = (event.target as HTMLSelectElement).value;
    this.error = null;
  };

  /** Those that are in another group, into which somebody put them. */
  private elsewhere(): Row[] {
    return this.rows.filter((row) => row.group !== "default" && row.group !== this.group);
  }

  private whereFrom(rows: readonly Row[]): string {
    const counts = new Map<string, number>();
    for (const row of rows) counts.set(row.group, (counts.get(row.group) ?? 0) + 1);
    const named = [...counts].map(([id, n]) => `${this.groups.find((one) => one["object-id"] === id)?.name ?? id} (${n.toLocaleString(locale())})`);
    const shown = named.length > MOST_NAMES ? [...named.slice(0, MOST_NAMES), t("{n} others", { n: named.length - MOST_NAMES })] : named;
    return t("They are in: {groups}.", { groups: list(shown) });
  }

  private readonly begin = async (): Promise<void> => {
    const rows = this.wanted();
    if (rows === null) return;
    const write = { group: putInGroup(this.group, this.move), exclude, manage: manageAgain }[this.kind];
    const job = new Bulk(rows, write, this.kind === "group" ? AT_ONCE : 1, () => this.requestUpdate());
    this.job = job;
    await job.run();
    this.over = true;
    await mirror.ask();
    this.emit("done", job.failures.map(({ row }) => row));
    // nothing to read: it is seen in the table
    if (rows.length === 1 && job.done === 1) this.dialog.close();
  };

  /** Those to be changed; null: something is missing. */
  private wanted(): readonly Row[] | null {
    if (this.kind !== "group") return this.rows;
    const stay = new Set(this.move ? [] : this.elsewhere());
    const rows = this.rows.filter((row) => row.group !== this.group && !stay.has(row));
    if (!this.group) this.error = t("Choose a group.");
    else if (rows.length === 0 && stay.size > 0) this.error = t("All of them are in other groups. Tick the box to take them out.");
    else if (rows.length === 0) this.error = t("All of them are in that group already.");
    else return rows;
    return null;
  }

  private told(job: Bulk) {
    const total = job.rows.length;
    const said = t("{n} of {all} done", { n: job.done.toLocaleString(locale()), all: total.toLocaleString(locale()) });
    return html`<div class="stack">
      <progress max=${total} .value=${job.done + job.failures.length} aria-label=${said}></progress>
      <p role="status">
        ${said}${this.over && job.stopped ? `. ${t("Stopped; what was done stays.")}` : ""}
        ${this.over && job.cut ? html`<span class="wrong">${complaint(job.cut)}</span>` : nothing}
      </p>
      ${job.failures.length > 0
        ? html`<p class="wrong">${plural("One could not be changed:", "{n} could not be changed:", job.failures.length)}</p>
            <ul class="plain-list failures" tabindex="0" aria-label=${t("What could not be changed")}>
              ${job.failures.map(({ row, why }) => html`<li><strong>${row.name}</strong>: ${why}</li>`)}
            </ul>`
        : nothing}
    </div>`;
  }

  private readonly closed = (): void => {
    if (this.job && !this.over) this.job.stop();
  };
}

/**
 * One adjustment: when, what became of it, and in sentences what it did; unfolded, who received and who gave, with what
 * was so before, what was expected, and what was measured. Dispatches `fold` when it is to be unfolded, or folded.
 */

import type { AdjustedServer, Adjustment } from "../api/types";
import { idOf } from "../api/uris";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { ago, clock, cpus, exact, fixed, index, NONE, percent } from "../base/format";
import { link } from "../base/page";
import { later, t } from "../base/texts";
import { adjustmentSentences, importanceWord, inOrder, outcomeWord, reasonsOf } from "../base/words";

const SHAPES: Record<Adjustment["outcome"], string> = { applied: "●", advised: "◇", failed: "▲" };
/** So many servers are shown at first. */
const AT_FIRST = 12;
/** Minutes around an adjustment that its charts show. */
const AROUND = 15;

const ROLES: Record<Adjustment["outcome"], [receiver: string, donor: string]> = {
  applied: [later("received"), later("gave")],
  advised: [later("would receive"), later("would give")],
  failed: [later("affected"), later("affected")],
};

interface Line {
  server: AdjustedServer;
  role: string;
}

@customElement("hpm-adjustment")
export class AdjustmentPart extends HpmElement {
  @property({ attribute: false }) adjustment!: Adjustment;
  @property({ type: Boolean }) open = false;
  /** Now, in ms: how long ago it was. */
  @property({ type: Number }) now = Date.now();
  @state() private whole = false;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        border-bottom: 1px solid var(--line);
      }
      .fold {
        display: grid;
        grid-template-columns: 1em 6.5rem 6.5rem minmax(0, 1fr);
        gap: 0 12px;
        align-items: baseline;
        justify-content: start;
        width: 100%;
        min-height: var(--row);
        padding: 6px 8px;
        border: none;
        border-radius: 0;
        background: none;
        text-align: start;
        white-space: normal;
      }
      .fold:hover,
      .fold[aria-expanded="true"] {
        background: var(--soft);
      }
      .fold:focus-visible {
        outline-offset: -2px;
      }
      time,
      .ago {
        white-space: nowrap;
      }
      .ago {
        display: block;
      }
      .failed {
        color: var(--missed);
        font-weight: 600;
      }
      .advised {
        color: var(--advice);
      }
      .applied i {
        color: var(--met);
      }
      i {
        font-style: normal;
        display: inline-block;
        width: 1.1em;
      }
      .detail {
        padding: 4px 8px var(--gap) calc(1em + 20px);
      }
      .scroll {
        overflow-x: auto;
        position: relative; /* or texts for who does not see would make the page wider */
      }
      .scroll table {
        width: auto;
        font-size: var(--tiny);
      }
      th,
      td {
        white-space: nowrap;
        padding-inline-end: 9px;
        height: 30px;
      }
      thead th {
        font-size: inherit;
        height: 26px;
        border: none;
        vertical-align: bottom;
      }
      thead tr:last-child th {
        border-bottom: 1px solid var(--line);
        font-weight: normal;
        color: var(--dim);
      }
      th.first,
      td.first {
        padding-inline-start: 9px;
        border-inline-start: 1px solid var(--line);
      }
      tbody th {
        font-size: inherit;
      }
      td.role {
        color: var(--dim);
      }
      @media (max-width: 760px) {
        .fold {
          grid-template-columns: 1em auto minmax(0, 1fr);
        }
        .text {
          grid-column: 2 / -1;
        }
        .detail {
          padding-inline-start: 8px;
        }
      }
    `,
  ];

  override render() {
    const one = this.adjustment;
    return html`<button class="fold" type="button" aria-expanded=${this.open} aria-controls="detail" @click=${() => this.emit("fold")}>
        <span aria-hidden="true">${this.open ? "▾" : "▸"}</span>
        <span>
          <time datetime=${one.time} title=${exact(one.time)}>${clock(one.time)}</time>
          <span class="ago help">${ago(one.time, this.now)}</span>
        </span>
        <span class=${one.outcome}><i aria-hidden="true">${SHAPES[one.outcome]}</i>${outcomeWord(one.outcome)}</span>
        <span class="text">${adjustmentSentences(one).join(" ")}</span>
      </button>
      <div id="detail" class="detail stack" ?hidden=${!this.open}>${this.open ? this.detail(one) : nothing}</div>`;
  }

  /** Moves the focus to the adjustment. */
  override focus(): void {
    this.renderRoot.querySelector("button")?.focus();
  }

  private detail(one: Adjustment) {
    const { receivers, donors } = inOrder(one);
    const [receiver, donor] = ROLES[one.outcome];
    const lines: Line[] = [
      ...receivers.map((server) => ({ server, role: t(receiver) })),
      ...donors.map((server) => ({ server, role: t(donor) })),
    ];
    const shown = this.whole ? lines : lines.slice(0, AT_FIRST);
    const reasons = reasonsOf(one);
    return html`<p class="help">
        ${t("Adjustment {number} of {time}, decided for an interval of {seconds}\u00a0s.", {
          number: one["object-id"],
          time: exact(one.time),
          seconds: fixed(one["interval-seconds"], 1),
        })}
      </p>
      ${reasons.length > 0 ? html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>` : nothing}
      ${lines.length > 0 ? this.table(shown) : nothing}
      ${shown.length < lines.length
        ? html`<div><button type="button" @click=${() => (this.whole = true)}>${t("Show all {n} servers", { n: lines.length })}</button></div>`
        : nothing}`;
  }

  private table(lines: readonly Line[]) {
    const steps = html`<th scope="col" class="number first">${t("before")}</th>
      <th scope="col" class="number">${t("projected")}</th>
      <th scope="col" class="number">${t("measured")}</th>`;
    return html`<div class="scroll" role="region" tabindex="0" aria-label=${t("Servers of adjustment {number}", { number: this.adjustment["object-id"] })}>
      <table>
        <thead>
          <tr>
            <th scope="col" rowspan="2">${t("Server")}</th>
            <th scope="col" rowspan="2"><span class="hidden-text">${t("What it did")}</span></th>
            <th scope="col" rowspan="2">${t("Class")}</th>
            <th scope="col" rowspan="2" class="number">${t("Goal")} %</th>
            <th scope="colgroup" colspan="3" class="first">${t("Velocity")} %</th>
            <th scope="colgroup" colspan="3" class="first">${t("CPUs used")}</th>
            <th scope="colgroup" colspan="3" class="first">${t("PI")}</th>
            <th scope="colgroup" colspan="2" class="first">${t("Shares")}</th>
            <th scope="col" rowspan="2"><span class="hidden-text">${t("Charts")}</span></th>
          </tr>
          <tr>
            ${steps}${steps}${steps}
            <th scope="col" class="number first">${t("before")}</th>
            <th scope="col" class="number">${t("after")}</th>
          </tr>
        </thead>
        <tbody>
          ${lines.map((line) => this.line(line))}
        </tbody>
      </table>
    </div>`;
  }

  private line({ server: one, role }: Line) {
    const uuid = idOf(one["virtual-server"]);
    const time = Date.parse(this.adjustment.time);
    const around = {
      from: new Date(time - AROUND * 60_000).toISOString(),
      to: new Date(Math.min(Date.now(), time + AROUND * 60_000)).toISOString(),
    };
    const numbers = [
      [percent(one["velocity-before"]), percent(one["velocity-projected"]), percent(one["velocity-measured"])],
      [cpus(one["cpu-before"]), cpus(one["cpu-projected"]), cpus(one["cpu-measured"])],
      [index(one["pi-before"]), index(one["pi-projected"]), index(one["pi-measured"])],
      [fixed(one["shares-before"]), fixed(one["shares-after"])],
    ];
    const name = one["service-class"] === null ? NONE : `${one["service-class"]} (${importanceWord(one.importance)})`;
    return html`<tr>
      <th scope="row"><a href=${link("servers", uuid)}>${one.name}</a></th>
      <td class="role">${role}</td>
      <td>${name}</td>
      <td class="number">${percent(one.goal)}</td>
      ${numbers.map((some) => some.map((text, at) => html`<td class="number ${at === 0 ? "first" : ""}">${text}</td>`))}
      <td><a href=${link("servers", uuid, around)} aria-label=${t("{name} in the charts", { name: one.name })}>${t("Charts")}</a></td>
    </tr>`;
  }
}

/**
 * One adjustment: when, what became of it, and in sentences what it did; unfolded, who received and who gave, with what
 * was so before, what was expected, and what was measured. Dispatches `fold` when it is to be unfolded, or folded.
 */

import type { AdjustedServer, Adjustment } from "../api/types";
import { idOf } from "../api/uris";
import { adjustmentSentences, inOrder, reasonsOf } from "../base/adjusted";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { ago, clock, exact, fixed, NONE } from "../base/format";
import { link } from "../base/page";
import { later, t } from "../base/texts";
import { importanceWord, outcomeWord } from "../base/words";
import { figuresOf, type FigureGroup } from "./adjustment-figures";
import { FOLD } from "./fold";

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

/** Servers that had the same part in it. */
interface Side {
  role: string;
  servers: readonly AdjustedServer[];
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
    FOLD,
    css`
      :host {
        display: block;
        border-bottom: 1px solid var(--line);
      }
      .fold {
        grid-template-columns: 1em 6.5rem 6.5rem minmax(0, 1fr);
      }
      time,
      .ago {
        white-space: nowrap;
      }
      .ago {
        display: block;
      }
      .advised {
        color: var(--advice);
      }
      .applied i {
        color: var(--met);
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
        padding-inline-end: 8px;
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
        padding-inline-start: 8px;
        border-inline-start: 1px solid var(--line);
      }
      tbody th {
        font-size: inherit;
      }
      .role {
        color: var(--dim);
        font-weight: normal;
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
    const count = receivers.length + donors.length;
    const most = this.whole ? count : AT_FIRST;
    const sides: Side[] = [
      { role: t(receiver), servers: receivers.slice(0, most) },
      { role: t(donor), servers: donors.slice(0, Math.max(0, most - receivers.length)) },
    ].filter((one) => one.servers.length > 0);
    const reasons = reasonsOf(one);
    return html`<p class="help">
        ${t("Adjustment {number} of {time}, decided for an interval of {seconds}\u00a0s.", {
          number: one["object-id"],
          time: exact(one.time),
          seconds: fixed(one["interval-seconds"], 1),
        })}
      </p>
      ${reasons.length > 0 ? html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>` : nothing}
      ${sides.length > 0 ? this.table(sides) : nothing}
      ${count > most
        ? html`<div><button type="button" @click=${() => (this.whole = true)}>${t("Show all {n} servers", { n: count })}</button></div>`
        : nothing}`;
  }

  private table(sides: readonly Side[]) {
    const of = figuresOf(this.adjustment);
    const columns = of.reduce((sum, one) => sum + one.steps.length, 2);
    return html`<div class="scroll" role="region" tabindex="0" aria-label=${t("Servers of adjustment {number}", { number: this.adjustment["object-id"] })}>
      <table>
        <thead>
          <tr>
            <th scope="col" rowspan="2">${t("Server")}</th>
            <th scope="col" rowspan="2">${t("Class")}</th>
            ${of.map(({ label, steps }) =>
              steps.length === 1
                ? html`<th scope="col" rowspan="2" class="number">${label}</th>`
                : html`<th scope="colgroup" colspan=${steps.length} class="first">${label}</th>`,
            )}
          </tr>
          <tr>
            ${of.flatMap(({ steps }) => (steps.length === 1 ? [] : steps)).map(
              ({ label, first }) => html`<th scope="col" class="number ${first ? "first" : ""}">${label}</th>`,
            )}
          </tr>
        </thead>
        ${sides.map(
          ({ role, servers }) => html`<tbody>
            <tr><th class="role" scope="rowgroup" colspan=${columns}>${role}</th></tr>
            ${servers.map((one) => this.line(one, of))}
          </tbody>`,
        )}
      </table>
    </div>`;
  }

  private line(one: AdjustedServer, of: readonly FigureGroup[]) {
    const uuid = idOf(one["virtual-server"]);
    const time = Date.parse(this.adjustment.time);
    const around = {
      from: new Date(time - AROUND * 60_000).toISOString(),
      to: new Date(Math.min(Date.now(), time + AROUND * 60_000)).toISOString(),
    };
    const name = one["service-class"] === null ? NONE : `${one["service-class"]} (${importanceWord(one.importance)})`;
    return html`<tr>
      <th scope="row"><a href=${link("servers", uuid, around)} title=${t("{name} in the charts", { name: one.name })}>${one.name}</a></th>
      <td>${name}</td>
      ${of.map(({ steps }) => steps.map(({ text, first }) => html`<td class="number ${first ? "first" : ""}">${text(one)}</td>`))}
    </tr>`;
  }
}

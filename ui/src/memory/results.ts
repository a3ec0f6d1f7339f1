/**
 * What memory policies decide: a line for the host and one for each server of which they want something, and what went
 * wrong. Where the answer tells which expressions set what (`explained`), a line unfolds into them, with the values that
 * they saw. Dispatches `spot` (a `MomFault`) when somebody wants to see where an error is.
 */

import type { MomEvaluation, MomFault, MomHostWanted, MomSetting, MomWanted } from "../api/types";
import { idOf } from "../api/uris";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { appliedOf, controlsOf, faultSentence, notesOf, valueWord } from "./words";

/** Lines, and errors, that are shown at first. */
const MOST = 30;

@customElement("hpm-memory-results")
export class MemoryResults extends HpmElement {
  @property({ attribute: false }) evaluation!: MomEvaluation;
  @property({ type: Boolean }) explained = false;
  /** The policy that is looked at: its errors can be gone to. */
  @property() policy = "";
  @state() private whole = false;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
        min-width: 0;
      }
      .scroll {
        overflow-x: auto;
        position: relative;
      }
      td,
      tbody th {
        vertical-align: top;
        padding-block: 6px;
        font-size: var(--small);
      }
      td code {
        overflow-wrap: anywhere;
      }
      .bad {
        color: var(--missed);
        font-weight: 600;
      }
      li {
        overflow-wrap: anywhere;
      }
      ul {
        margin: 0;
        padding-inline-start: 1.2em;
      }
      .setting {
        display: grid;
        gap: 4px;
        padding: 6px 0;
        border-top: 1px solid var(--line);
      }
      dl {
        display: flex;
        flex-wrap: wrap;
        gap: 2px var(--gap);
        font-size: var(--small);
      }
      dl div {
        display: flex;
        gap: 6px;
      }
      dt,
      dd {
        font-family: var(--mono);
        overflow-wrap: anywhere;
      }
      @media (max-width: 560px) {
        thead {
          display: none;
        }
        tr,
        td,
        tbody th {
          display: block;
          height: auto;
          border: none;
          padding: 2px 0;
        }
        tr {
          border-bottom: 1px solid var(--line);
          padding: 6px 0;
        }
      }
    `,
  ];

  override render() {
    const { evaluation } = this;
    const lines = [
      ...(Object.keys(evaluation.host.controls).length > 0 || evaluation.host.notes.length > 0 ? [this.line(t("The host"), evaluation.host)] : []),
      ...evaluation["virtual-servers"].map((one) => this.line(html`<a href=${link("servers", idOf(one["virtual-server"]))}>${one.name}</a>`, one)),
    ];
    const shown = this.whole ? lines : lines.slice(0, MOST);
    return html`${this.errors(evaluation.errors)}
      ${evaluation.discarded
        ? html`<p class="bad">▲ ${t("That error takes all decisions away: nothing is set.")}</p>`
        : lines.length === 0
          ? html`<p class="dim">${t("Nothing is set: not of the host, and of no server.")}</p>`
          : html`<div class="scroll" role="region" tabindex="0" aria-label=${t("What policies set")}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">${t("Host or server")}</th>
                    <th scope="col">${t("Set by policies")}</th>
                    <th scope="col">${t("What comes of it")}</th>
                  </tr>
                </thead>
                <tbody>${shown}</tbody>
              </table>
            </div>`}
      ${shown.length < lines.length
        ? html`<div><button type="button" @click=${() => (this.whole = true)}>${plural("Show {n} more", "Show {n} more", lines.length - shown.length)}</button></div>`
        : nothing}`;
  }

  private errors(errors: readonly MomFault[]) {
    if (errors.length === 0) return nothing;
    return html`<ul>
      ${errors.slice(0, MOST).map(
        (one) => html`<li class="wrong-one">
          ${faultSentence(one)}
          ${one.policy === this.policy ? html`<button class="plain" type="button" @click=${() => this.emit<MomFault>("spot", one)}>${t("Show it")}</button>` : nothing}
        </li>`,
      )}
    </ul>
    ${errors.length > MOST ? html`<p class="dim">${plural("and {n} more error", "and {n} more errors", errors.length - MOST)}</p>` : nothing}`;
  }

  private line(name: unknown, wanted: MomWanted | MomHostWanted) {
    const applied = appliedOf(wanted);
    const settings = this.explained ? (wanted.settings ?? []) : [];
    return html`<tr>
      <th scope="row">${name}</th>
      <td>
        ${controlsOf(wanted).map((one) => html`<div><code>${one}</code></div>`)}
        ${settings.length > 0 ? html`<details><summary>${t("Why")}</summary>${settings.map(setting)}</details>` : nothing}
      </td>
      <td>${applied.map((one) => html`<div>${one}</div>`)} ${notesOf(wanted).map((one) => html`<div class="dim">${one}</div>`)}</td>
    </tr>`;
  }
}

function setting(one: MomSetting) {
  const place = { policy: one.policy, line: one.line, column: one.column };
  return html`<div class="setting">
    <div>
      <code>${one.control} ${valueWord(one.value)}</code>
      ${one.decides ? nothing : html`<span class="dim">${t("(it does not count in the end)")}</span>`}
    </div>
    <div class="help"><a href=${link("memory-policies", one.policy, { line: String(one.line), column: String(one.column) })}>${t("{policy}, line {line}, column {column}", place)}</a></div>
    <code>${one.expression}</code>
    <dl>${one.symbols.map((symbol) => html`<div><dt>${String(symbol[0])}</dt><dd>${valueWord(symbol[1])}</dd></div>`)}</dl>
  </div>`;
}

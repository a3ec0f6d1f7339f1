/** The guest policy of a virtual server: every field with who says it and how it stands. Dispatches `edit`. */

import { Resource } from "../api/resource";
import type { EffectivePolicy, PolicyField } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { NONE } from "../base/format";
import { t } from "../base/texts";
import { inForceWords, reasonWords } from "./in-force";
import { fieldLabel, originWords, STATE_SHAPES, stateWord, valueWords } from "./words";

const KINDS = ["virtual-server", "workload-resource-group", "mgmt-levels"];
const BAD: ReadonlySet<PolicyField["state"]> = new Set(["drifts", "impossible"]);

@customElement("hpm-guest-section")
export class GuestSection extends HpmElement {
  @property() server = "";
  private readonly effective = new Resource<EffectivePolicy>(this, () => (this.server ? `/virtual-servers/${this.server}/effective-policy` : null), { kinds: KINDS });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      h2 {
        margin-bottom: 4px;
      }
      table {
        table-layout: fixed;
        margin-top: 8px;
      }
      th,
      td {
        height: auto;
        padding-block: 6px;
        vertical-align: top;
        overflow-wrap: anywhere;
      }
      tbody th {
        font-weight: normal;
        font-size: inherit;
      }
      td .help {
        display: block;
      }
      .bad {
        color: var(--missed);
      }
      .holds i {
        color: var(--met);
      }
      i {
        font-style: normal;
        display: inline-block;
        width: 1.2em;
      }
      details {
        margin-top: 8px;
      }
      summary {
        cursor: pointer;
        min-height: 24px;
      }
      @media (max-width: 760px) {
        thead {
          display: none;
        }
        tr {
          display: grid;
          grid-template-columns: minmax(0, 2fr) minmax(0, 3fr);
          gap: 2px 8px;
          padding: 6px 0;
          border-bottom: 1px solid var(--line);
        }
        th,
        td {
          border: none;
          padding: 0;
        }
        td {
          grid-column: 2;
        }
        tbody th {
          grid-row: 1 / span 3;
        }
      }
    `,
  ];

  /** Reads it anew. */
  refresh(): void {
    void this.effective.refresh();
  }

  override render() {
    const { value, error } = this.effective;
    return html`<section class="panel">
      <div class="spread">
        <h2>${t("Guest policy")}</h2>
        ${mayWrite() && value ? html`<button type="button" @click=${() => this.emit("edit")}>${t("Change guest policy…")}</button>` : nothing}
      </div>
      <p class="help">${t("How it is placed, weighed and limited, whatever its goal is.")}</p>
      ${value
        ? this.fields(value)
        : error
          ? html`<hpm-problem .what=${t("The guest policy cannot be shown.")} .error=${error} @retry=${() => this.effective.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="3"></hpm-skeleton>`}
    </section>`;
  }

  private fields(value: EffectivePolicy) {
    const all = value.fields.filter((one) => one.name !== "start");
    const said = all.filter((one) => one.value !== null);
    const now = value["in-force"];
    const unsaid = all.filter((one) => one.value === null && inForceWords(now, one.name) !== null);
    return html`${said.length > 0
      ? html`<table aria-label=${t("What is said")}>
          <thead>
            <tr>
              <th scope="col">${t("Field")}</th>
              <th scope="col">${t("Value")}</th>
              <th scope="col">${t("Said by")}</th>
              <th scope="col">${t("State")}</th>
            </tr>
          </thead>
          <tbody>${said.map((one) => this.line(one, value))}</tbody>
        </table>`
      : html`<p class="dim">${t("Nobody says anything: all of it is as the host has it.")}</p>`}
    ${unsaid.length > 0
      ? html`<details>
          <summary>${t("What nobody says, as the host has it")}</summary>
          <table aria-label=${t("As the host has it")}>
            <tbody>
              ${unsaid.map((one) => html`<tr><th scope="row">${fieldLabel(one.name)}</th><td>${inForceWords(now, one.name)} ${one.reason ? html`<span class="help">${reasonWords(one)}</span>` : nothing}</td></tr>`)}
            </tbody>
          </table>
        </details>`
      : nothing}`;
  }

  private line(one: PolicyField, { "guest-policy": policy, "in-force": host }: EffectivePolicy) {
    const now = inForceWords(host, one.name);
    const wanted = valueWords(policy, one.name);
    const differs = now !== null && one.state !== "holds" && now !== wanted;
    return html`<tr>
      <th scope="row">${fieldLabel(one.name)}</th>
      <td>${wanted ?? one.value ?? NONE}</td>
      <td>${originWords(one)}</td>
      <td class=${BAD.has(one.state) ? "bad" : one.state}>
        <i aria-hidden="true">${STATE_SHAPES[one.state]}</i>${stateWord(one.state)}
        ${one.reason ? html`<span class="help">${reasonWords(one)}</span>` : nothing}
        ${differs ? html`<span class="help">${t("In force now: {value}", { value: now })}</span>` : nothing}
      </td>
    </tr>`;
  }
}

/** Fields before and after, side by side; what is new, gone or another is said by a word and not by colour alone. */

import { css, customElement, html, HpmElement, property } from "../base/element";
import { NONE } from "../base/format";
import { t } from "../base/texts";
import type { Field } from "./diff";

@customElement("hpm-fields")
export class FieldsPart extends HpmElement {
  @property({ attribute: false }) fields: readonly Field[] = [];
  /** What the two sides are. */
  @property({ attribute: false }) heads: readonly [string, string] = ["", ""];
  @property() caption = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      table {
        table-layout: fixed;
      }
      th,
      td {
        height: auto;
        padding-block: 6px;
        vertical-align: top;
        overflow-wrap: anywhere;
      }
      tr.differs td {
        background: var(--chosen);
      }
      tr.differs td:last-child {
        font-weight: 600;
      }
      th[scope="row"] {
        font-weight: normal;
      }
    `,
  ];

  override render() {
    if (this.fields.length === 0) return html`<p class="dim">${t("There is no difference.")}</p>`;
    return html`<table aria-label=${this.caption || t("Differences")}>
      <thead>
        <tr>
          <th scope="col">${t("Field")}</th>
          <th scope="col">${this.heads[0]}</th>
          <th scope="col">${this.heads[1]}</th>
        </tr>
      </thead>
      <tbody>
        ${this.fields.map(
          (one) => html`<tr class=${one.before === one.after ? "" : "differs"}>
            <th scope="row">${one.before === one.after ? "" : "≠ "}${one.name}</th>
            <td>${one.before ?? NONE}</td>
            <td>${one.after ?? NONE}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
  }
}

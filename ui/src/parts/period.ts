/** Chooses a period of time. Dispatches `range` with the words for the URL: `range`, or `from` and `to`. */

import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { fromLocal, LENGTHS, toLocal } from "../base/period";
import { t } from "../base/texts";

@customElement("hpm-period")
export class PeriodPart extends HpmElement {
  @property() range = "";
  @property() from = "";
  @property() to = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
    `,
  ];

  override render() {
    const own = this.range === "own" || (!this.range && Boolean(this.from || this.to));
    return html`<div class="field">
        <label for="range">${t("Period")}</label>
        <select id="range" @change=${this.chosen}>
          <option value="" .selected=${!own && !this.range}>${t("any time")}</option>
          ${Object.entries(LENGTHS).map(([name, one]) => html`<option value=${name} .selected=${this.range === name}>${t(one.label)}</option>`)}
          <option value="own" .selected=${own}>${t("from … to …")}</option>
        </select>
      </div>
      ${own ? html`${this.moment("from", t("From"), this.from)}${this.moment("to", t("To"), this.to)}` : nothing}`;
  }

  private moment(name: "from" | "to", label: string, value: string) {
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input
        id=${name}
        type="datetime-local"
        .value=${toLocal(value)}
        @change=${(event: Event) => this.emit("range", { range: "own", [name]: fromLocal((event.target as HTMLInputElement).value) })}
      />
    </div>`;
  }

  private chosen(event: Event): void {
    const range = (event.target as HTMLSelectElement).value;
    this.emit("range", range === "own" ? { range } : { range, from: "", to: "" });
  }
}

/** Hours in which a server runs, as a list to be changed. Dispatches `windows` with the new list. */

import type { RunWindow } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { HOURS, hoursFields, usualHours } from "../policies/hours";
import { replaced } from "../policies/model";
import { wrongBelow, type Wrong } from "../policies/rule";
import { windowWords } from "./words";

@customElement("hpm-run-windows")
export class RunWindowsPart extends HpmElement {
  @property({ attribute: false }) windows: readonly RunWindow[] = [];
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;

  static override styles = [
    HpmElement.styles,
    HOURS,
    css`
      fieldset {
        padding: 8px 0;
      }
    `,
  ];

  override render() {
    if (this.readonly) {
      return this.windows.length > 0 ? html`<ul class="plain-list">${this.windows.map((one) => html`<li>${windowWords(one)}</li>`)}</ul>` : html`<p class="dim">${t("always")}</p>`;
    }
    return html`${this.windows.length === 0 ? html`<p class="dim">${t("It may run at any time.")}</p>` : nothing}
      <ol class="plain-list">${this.windows.map((one, at) => this.line(one, at))}</ol>
      <div><button type="button" class="add" @click=${this.add}>${t("Add hours")}</button></div>`;
  }

  private line(one: RunWindow, at: number) {
    const change = (part: Partial<RunWindow>) => this.tell(replaced(this.windows, at, { ...one, ...part }));
    const wrong = wrongBelow(this.wrong, `[${at}]`);
    return html`<li>
      <fieldset>
        <legend class="hidden-text">${windowWords(one)}</legend>
        ${hoursFields(one, change)}
        <button class="plain" type="button" aria-label=${t("Remove {what}", { what: windowWords(one) })} @click=${() => this.tell(replaced(this.windows, at, undefined))}>✕</button>
      </fieldset>
      ${wrong ? html`<p class="wrong">${wrong.text}</p>` : nothing}
    </li>`;
  }

  private readonly add = (): void => this.tell([...this.windows, usualHours()]);

  private tell(windows: readonly RunWindow[]): void {
    this.emit("windows", windows);
  }
}

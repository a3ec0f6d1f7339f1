/** Hours in which a server runs, as a list to be changed. Dispatches `windows` with the new list. */

import type { RunWindow } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { replaced } from "../policies/model";
import { wrongBelow, type Wrong } from "../policies/rule";
import { DAYS, dayWord, type Day } from "../policies/words";
import { windowWords } from "./words";

@customElement("hpm-run-windows")
export class RunWindowsPart extends HpmElement {
  @property({ attribute: false }) windows: readonly RunWindow[] = [];
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;

  static override styles = [
    HpmElement.styles,
    css`
      fieldset {
        border: none;
        margin: 0;
        padding: 8px 0;
        min-width: 0;
        display: flex;
        flex-wrap: wrap;
        gap: 8px var(--gap);
        align-items: center;
      }
      label input {
        font-weight: normal;
      }
      .days {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 8px;
      }
      .choice {
        min-height: 24px;
        gap: 4px;
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
    const time = (name: "from" | "to", label: string) => html`<label>
      ${label}
      <input
        type="time"
        step="60"
        .value=${one[name]}
        @change=${(event: Event) => {
          const field = event.target as HTMLInputElement;
          if (!field.value) field.value = one[name]; // an emptied field changes nothing
          change({ [name]: field.value.slice(0, 5) });
        }}
      />
    </label>`;
    return html`<li>
      <fieldset>
        <legend class="hidden-text">${windowWords(one)}</legend>
        <span class="days">${DAYS.map((day) => this.day(one, day, change))}</span>
        <span class="row">${time("from", t("from"))} ${time("to", t("to"))} ${one.to === one.from ? html`<span class="help">${t("24 hours")}</span>` : one.to < one.from ? html`<span class="help">${t("ends on the next day")}</span>` : nothing}</span>
        <button class="plain" type="button" aria-label=${t("Remove {what}", { what: windowWords(one) })} @click=${() => this.tell(replaced(this.windows, at, undefined))}>✕</button>
      </fieldset>
      ${wrong ? html`<p class="wrong">${wrong.text}</p>` : nothing}
    </li>`;
  }

  private day(one: RunWindow, day: Day, change: (part: Partial<RunWindow>) => void) {
    const toggle = () => change({ days: DAYS.filter((each) => (each === day ? !one.days.includes(day) : one.days.includes(each))) });
    return html`<label class="choice"><input type="checkbox" aria-label=${dayWord(day, "long")} .checked=${one.days.includes(day)} @change=${toggle} />${dayWord(day)}</label>`;
  }

  private readonly add = (): void => this.tell([...this.windows, { days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00" }]);

  private tell(windows: readonly RunWindow[]): void {
    this.emit("windows", windows);
  }
}

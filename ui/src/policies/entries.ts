/** The entries of a schedule as a list to be changed, all by keyboard. Dispatches `entries` with the new list. */

import type { ScheduleEntry } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { t } from "../base/texts";
import { HOURS, hoursFields, usualHours } from "./hours";
import { moved, replaced } from "./model";
import { wrongBelow, type Wrong } from "./rule";
import { entryWords } from "./words";

@customElement("hpm-entries")
export class EntriesPart extends HpmElement {
  @property({ attribute: false }) entries: readonly ScheduleEntry[] = [];
  @property({ attribute: false }) policies: readonly string[] = [];
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  @state() private said = "";

  static override styles = [
    HpmElement.styles,
    HOURS,
    css`
      li {
        padding: 8px 0;
        border-bottom: 1px solid var(--line);
      }
      .tools button {
        min-width: 32px;
        padding: 2px;
      }
    `,
  ];

  override render() {
    if (this.readonly) {
      return html`<ol>${this.entries.map((one) => html`<li>${one.policy}: ${entryWords(one)}</li>`)}</ol>`;
    }
    return html`<ol class="plain-list">
        ${this.entries.map((one, at) => this.entry(one, at))}
      </ol>
      <p class="hidden-text" aria-live="polite">${this.said}</p>
      <p class="row"><button type="button" class="add" @click=${this.add}>${t("Add an entry")}</button></p>`;
  }

  private entry(one: ScheduleEntry, at: number) {
    const change = (part: Partial<ScheduleEntry>) => this.tell(replaced(this.entries, at, { ...one, ...part }));
    const wrong = wrongBelow(this.wrong, `[${at}]`);
    return html`<li>
      <fieldset>
        <legend class="hidden-text">${t("Entry {n}: {what}", { n: at + 1, what: `${one.policy}, ${entryWords(one)}` })}</legend>
        <select aria-label=${t("Policy")} @change=${(event: Event) => change({ policy: (event.target as HTMLSelectElement).value })}>
          ${this.policies.map((name) => html`<option value=${name} ?selected=${name === one.policy}>${name}</option>`)}
        </select>
        ${hoursFields(one, change)}
        <span class="tools row">
          <button class="plain" type="button" ?disabled=${at === 0} aria-label=${t("Move entry {n} up", { n: at + 1 })} @click=${() => this.move(at, at - 1)}>↑</button>
          <button class="plain" type="button" ?disabled=${at === this.entries.length - 1} aria-label=${t("Move entry {n} down", { n: at + 1 })} @click=${() => this.move(at, at + 1)}>↓</button>
          <button class="plain" type="button" aria-label=${t("Remove entry {n}", { n: at + 1 })} @click=${() => this.takeAway(at)}>✕</button>
        </span>
      </fieldset>
      ${wrong ? html`<p class="wrong">${wrong.text}</p>` : nothing}
    </li>`;
  }

  private readonly add = (): void => {
    const entry: ScheduleEntry = { policy: this.policies[0] ?? "", ...usualHours() };
    this.tell([...this.entries, entry]);
    void this.focusEntry(this.entries.length);
  };

  private move(from: number, to: number): void {
    this.tell(moved(this.entries, from, to));
    this.said = t("The entry is now number {n} of {all}.", { n: to + 1, all: this.entries.length });
    void this.focusEntry(to);
  }

  private takeAway(at: number): void {
    this.tell(replaced(this.entries, at, undefined));
    this.said = t("The entry was removed.");
    void this.focusEntry(Math.min(at, this.entries.length - 2));
  }

  private async focusEntry(at: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    await this.updateComplete;
    const entry = this.renderRoot.querySelectorAll("li")[at];
    (entry?.querySelector<HTMLElement>("select") ?? this.renderRoot.querySelector<HTMLElement>(".add"))?.focus();
  }

  private tell(entries: readonly ScheduleEntry[]): void {
    this.emit("entries", entries);
  }
}

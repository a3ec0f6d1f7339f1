/** Fields for the days and hours of something: check boxes for the days, and when it begins and ends. */

import { css, html, nothing } from "../base/element";
import { t } from "../base/texts";
import { DAYS, dayWord, type Day } from "./words";

export interface Hours {
  days: readonly Day[];
  from: string;
  to: string;
}

/** What is proposed where somebody adds some. */
export const usualHours = (): { days: Day[]; from: string; to: string } => ({ days: ["mon", "tue", "wed", "thu", "fri"], from: "08:00", to: "18:00" });

/** For a list whose entries have these fields in a fieldset. */
export const HOURS = css`
  fieldset {
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
`;

export function hoursFields(one: Hours, change: (part: { days?: Day[]; from?: string; to?: string }) => void) {
  const day = (name: Day) => {
    const toggle = () => change({ days: DAYS.filter((each) => (each === name ? !one.days.includes(name) : one.days.includes(each))) });
    return html`<label class="choice"><input type="checkbox" aria-label=${dayWord(name, "long")} .checked=${one.days.includes(name)} @change=${toggle} />${dayWord(name)}</label>`;
  };
  return html`<span class="days">${DAYS.map(day)}</span>
    <span class="row">
      <label>${t("from")} <input type="time" step="60" .value=${one.from} @change=${(event: Event) => change({ from: timeIn(event, one.from) })} /></label>
      <label>${t("to")} <input type="time" step="60" .value=${one.to} @change=${(event: Event) => change({ to: timeIn(event, one.to) })} /></label>
      ${one.from === one.to ? html`<span class="help">${t("24 hours")}</span>` : one.to < one.from ? html`<span class="help">${t("ends on the next day")}</span>` : nothing}
    </span>`;
}

/** What was typed; an emptied field changes nothing. */
function timeIn(event: Event, before: string): string {
  const field = event.target as HTMLInputElement;
  if (!field.value) field.value = before;
  return field.value.slice(0, 5);
}

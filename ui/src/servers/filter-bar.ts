/** Search, filters, how many are shown, and the filters that are on, each of which can be taken away. */

import type { GroupSummary } from "../api/types";
import { css, html, nothing } from "../base/element";
import { later, t } from "../base/texts";
import { runStateWord, statusWord } from "../base/words";
import type { GoalStatus } from "../api/types";
import { wantsAll, type Wanted } from "./filter";

const STATUSES: readonly GoalStatus[] = ["missed", "met", "idle", "discretionary", "paused", "unmanaged"];
const STATES = ["running", "paused", "shut-off", "crashed", "unknown"];
const LEFT_ALONE = later("left alone by hpm");

export interface FilterBar {
  wanted: Wanted;
  groups: readonly GroupSummary[];
  classes: readonly string[];
  /** "37 of 10,000 virtual servers". */
  counted: string;
  /** Whether the filters are unfolded where there is no room for them. */
  unfolded: boolean;
  change: (what: Partial<Wanted>) => void;
  unfold: () => void;
}

export const filterStyle = css`
  .filters {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 12px;
    align-items: end;
  }
  .filters .field {
    min-width: 0;
  }
  .filters .field.search {
    flex: 1 1 14rem;
    max-width: 24rem;
  }
  .filters select {
    max-width: 12rem;
  }
  .filters .choice {
    min-height: 32px;
  }
  .filters .unfold {
    display: none;
  }
  .chips {
    min-height: 32px;
    margin-block: 8px 4px;
  }
  .chips button {
    min-height: 26px;
    border-radius: 13px;
    padding: 0 10px;
    font-size: var(--small);
    max-width: 100%;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  @media (max-width: 760px) {
    .filters .unfold {
      display: inline-flex;
    }
    .filters:not(.unfolded) .more {
      display: none;
    }
  }
`;

export function filterBar(bar: FilterBar) {
  const { wanted, change } = bar;
  const groups: [string, string][] = bar.groups.map((one) => [one["object-id"], one.name]);
  return html`<div class="filters ${bar.unfolded ? "unfolded" : ""}" role="search">
      <div class="field search">
        <label for="name">${t("Search by name")}</label>
        <input
          id="name"
          type="search"
          autocomplete="off"
          spellcheck="false"
          maxlength="256"
          title=${t("part of the name; with * or ?, which stand for any letters or one letter, the whole name")}
          placeholder=${t("web, or db*")}
          .value=${wanted.name}
          @input=${(event: InputEvent) => change({ name: (event.target as HTMLInputElement).value })}
        />
      </div>
      <button class="unfold" type="button" aria-expanded=${bar.unfolded} @click=${bar.unfold}>${t("Filters")}</button>
      ${choice("group", t("Group"), wanted.group, groups, (group) => change({ group, class: "" }))}
      ${choice("class", t("Class"), wanted.class, bar.classes.map((one) => [one, one]), (name) => change({ class: name }))}
      ${choice("status", t("Goal status"), wanted.status, STATUSES.map((one) => [one, statusWord(one)]), (status) => change({ status }))}
      ${choice("state", t("State"), wanted.state, STATES.map((one) => [one, runStateWord(one)]), (state) => change({ state }))}
      <label class="choice more">
        <input
          type="checkbox"
          .checked=${wanted.leftAlone}
          @change=${(event: Event) => change({ leftAlone: (event.target as HTMLInputElement).checked })}
        />
        ${t(LEFT_ALONE)}
      </label>
    </div>
    <div class="chips row">
      <span role="status">${bar.counted}</span>
      ${chips(bar).map(([label, without]) => html`<button type="button" title=${t("Take this filter away")} @click=${() => change(without)}>${label} <span aria-hidden="true">✕</span></button>`)}
      ${wantsAll(wanted) ? nothing : html`<button class="plain" type="button" @click=${() => change(NOTHING)}>${t("Clear all filters")}</button>`}
    </div>`;
}

/** No filter at all. */
export const NOTHING: Wanted = { name: "", group: "", class: "", status: "", state: "", leftAlone: false };

function choice(id: string, label: string, value: string, options: [string, string][], change: (value: string) => void) {
  // one that is not there any more is still wanted
  const shown = value && !options.some(([one]) => one === value) ? [[value, value] as const, ...options] : options;
  return html`<div class="field more">
    <label for=${id}>${label}</label>
    <select id=${id} @change=${(event: Event) => change((event.target as HTMLSelectElement).value)}>
      <option value="" .selected=${!value}>${t("any")}</option>
      ${shown.map(([one, text]) => html`<option value=${one} .selected=${one === value}>${text}</option>`)}
    </select>
  </div>`;
}

function chips({ wanted, groups }: FilterBar): [string, Partial<Wanted>][] {
  const found: [string, Partial<Wanted>][] = [];
  if (wanted.name) found.push([t("name: {value}", { value: wanted.name }), { name: "" }]);
  if (wanted.group) {
    const value = groups.find((one) => one["object-id"] === wanted.group)?.name ?? wanted.group;
    found.push([t("group: {value}", { value }), { group: "", class: "" }]);
  }
  if (wanted.class) found.push([t("class: {value}", { value: wanted.class }), { class: "" }]);
  if (wanted.status) found.push([t("goal: {value}", { value: statusWord(wanted.status as GoalStatus) }), { status: "" }]);
  if (wanted.state) found.push([t("state: {value}", { value: runStateWord(wanted.state) }), { state: "" }]);
  if (wanted.leftAlone) found.push([t(LEFT_ALONE), { leftAlone: false }]);
  return found;
}

/** Rules, schedules and classes in plain words. */

import type { Policy, Rule, ScheduleEntry, ServiceClass } from "../api/types";
import { list } from "../base/format";
import { locale, plural, t } from "../base/texts";
import { attributeWord, goalWord, importanceWord } from "../base/words";

export type FilterRule = Extract<Rule, { type: "filter" }>;
export type FilterType = FilterRule["filter-type"];
export type Day = ScheduleEntry["days"][number];

/** What a rule can compare. */
export const FILTER_TYPES: readonly FilterType[] = [
  "virtual-server-name", "virtual-server-uuid", "title", "hostname", "os-type", "os-name", "os-level", "metadata",
];

export const DAYS: readonly Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** A day as the user's language names it. */
export function dayWord(day: Day, length: "short" | "long" = "short"): string {
  // 2024-01-01 was a Monday
  const date = new Date(Date.UTC(2024, 0, 1 + DAYS.indexOf(day)));
  return new Intl.DateTimeFormat(locale(), { weekday: length, timeZone: "UTC" }).format(date);
}

function wild(value: string): boolean {
  return /(^|[^\\])[*?]/.test(value);
}

function filterWords(one: FilterRule): string {
  const words = { what: attributeWord(one["filter-type"]), value: one.value || "…" };
  if (one.operation === "string-match") return wild(one.value) ? t("{what} matches {value}", words) : t("{what} is {value}", words);
  return wild(one.value) ? t("{what} does not match {value}", words) : t("{what} is not {value}", words);
}

/** A rule in words: "name matches db* and OS type is linux". */
export function ruleWords(rule: Rule | null | undefined): string {
  return rule ? words(rule, true) : t("all that are left");
}

function words(rule: Rule, outermost: boolean): string {
  if (rule.type === "filter") return filterWords(rule);
  if (rule.type === "not") return t("not ({rule})", { rule: words(rule.rule, true) });
  const parts = rule.rules.map((one) => words(one, rule.rules.length === 1 && outermost));
  const joined =
    rule.type === "and"
      ? parts.reduce((before, part) => t("{before} and {part}", { before, part }))
      : parts.reduce((before, part) => t("{before} or {part}", { before, part }));
  return outermost || parts.length === 1 ? joined : `(${joined})`;
}

/** A class in one line: "db: fast (75)". */
export function classWords(one: ServiceClass): string {
  const words = { name: one.name, goal: goalWord(one.goal), importance: importanceWord(one.importance) };
  return one.importance ? t("{name}: {goal}, importance {importance}", words) : t("{name}: {goal}", words);
}

/** The classes of a policy in short. */
export function classesWords(policy: Policy): string {
  const shown = policy["service-classes"].slice(0, 3).map(classWords);
  const more = policy["service-classes"].length - shown.length;
  return more > 0 ? `${shown.join(" · ")} · ${plural("{n} more", "{n} more", more)}` : shown.join(" · ");
}

/** Days in words: "Mon to Fri", "Sat and Sun", "every day". */
export function daysWords(days: readonly Day[]): string {
  const sorted = DAYS.filter((one) => days.includes(one));
  if (sorted.length === 7) return t("every day");
  const first = DAYS.indexOf(sorted[0]!);
  const run = sorted.every((one, at) => DAYS.indexOf(one) === first + at);
  if (run && sorted.length > 2) return t("{first} to {last}", { first: dayWord(sorted[0]!), last: dayWord(sorted.at(-1)!) });
  return list(sorted.map((one) => dayWord(one)));
}

/** When an entry of a schedule holds: "Mon to Fri 22:00 to 06:00 of the next day". */
export function entryWords(entry: Pick<ScheduleEntry, "days" | "from" | "to">): string {
  const words = { days: daysWords(entry.days), from: entry.from, to: entry.to };
  if (entry.from === entry.to) return entry.from === "00:00" ? t("{days}, all day", words) : t("{days}, 24 hours from {from}", words);
  return entry.to < entry.from ? t("{days} {from} to {to} of the next day", words) : t("{days} {from} to {to}", words);
}

/** What the entries of a schedule say, in their order. */
export function entriesWords(schedule: readonly ScheduleEntry[]): string {
  return list(schedule.map((one) => `${one.policy}: ${entryWords(one)}`));
}

/** A schedule in a sentence. */
export function scheduleWords(schedule: readonly ScheduleEntry[] | undefined, otherwise: string | null | undefined): string {
  if (!schedule?.length) return t("No schedule: policies are activated by hand.");
  const entries = entriesWords(schedule);
  return otherwise ? t("{entries}; otherwise {policy}.", { entries, policy: otherwise }) : t("{entries}; otherwise no policy.", { entries });
}

/** Policies as they are edited: new ones, copies, and moving things in a list. All of it is values; nothing is sent. */

import type { Goal, Group, Importance, Policy, PolicyDetail, Rule, ScheduleEntry, ServiceClass } from "../api/types";
import { later, t } from "../base/texts";
import { plain } from "../guest/words";

/** What can be changed of a policy, without what the API says beside it. */
export function contentOf(policy: Policy | PolicyDetail): Policy {
  const { name, description, importance } = policy;
  return { name, description: description ?? "", importance, "service-classes": policy["service-classes"].map(whole) };
}

/** A service class with nothing left out, so that two that are the same look the same. */
function whole(one: ServiceClass): ServiceClass {
  const guest = plain(one["guest-policy"]);
  return {
    ...(Object.keys(guest).length > 0 ? { "guest-policy": guest } : {}),
    name: one.name,
    goal: one.goal,
    classification: one.classification ?? null,
    importance: one.importance ?? null,
    description: one.description ?? "",
  };
}

/** The list with one thing moved to another place. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** The list with one thing replaced; `undefined`: taken away. */
export function replaced<T>(list: readonly T[], at: number, by: T | undefined): T[] {
  return by === undefined ? list.filter((_, index) => index !== at) : list.map((one, index) => (index === at ? by : one));
}

/** A name that none of these has: "db 2", "db 3", … where `wanted` is taken. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const stem = wanted.replace(/ \d+$/, "");
  if (wanted && !taken.includes(wanted)) return wanted;
  for (let n = 2; ; n++) if (!taken.includes(`${stem} ${n}`)) return `${stem} ${n}`;
}

export const DISCRETIONARY: Goal = { type: "discretionary" };

export function filter(value = "", type: (Rule & { type: "filter" })["filter-type"] = "virtual-server-name"): Rule {
  return { type: "filter", "filter-type": type, operation: "string-match", value };
}

/** A service class as one begins with: not yet what it shall be. */
export function newClass(taken: readonly string[]): ServiceClass {
  return { name: freeName(t("new class"), taken), goal: { type: "velocity", velocity: "moderate" }, classification: filter("*"), importance: null, description: "" };
}

function catchAll(goal: Goal): ServiceClass {
  return { name: "rest", goal, classification: null, importance: null, description: "" };
}

function served(name: string, velocity: "fastest" | "fast" | "moderate", value: string, importance: Importance | null = null): ServiceClass {
  return { name, goal: { type: "velocity", velocity }, classification: filter(value), importance, description: "" };
}

/** A policy to begin with. */
export interface Template {
  key: string;
  label: string; // to be translated where it is shown
  /** What it does, in a sentence; to be translated too. */
  help: string;
  policy: () => Policy;
}

/** One that has one goal for all servers. */
function single(key: string, label: string, help: string, importance: Importance, goal: Goal): Template {
  return {
    key, label, help,
    policy: () => ({ name: t(label), description: "", importance, "service-classes": [{ ...catchAll(goal), name: t("all") }] }),
  };
}

/** Policies to begin with: what most applications want, in one service class; then those that tell servers apart. */
export const TEMPLATES: readonly Template[] = [
  single(
    "database",
    later("Important database"),
    later("Served first, and seldom waits for a CPU: what is less important gives way."),
    "high",
    { type: "velocity", velocity: "fast" },
  ),
  single(
    "web",
    later("Web front"),
    later("As important as a database, but may wait as long as it runs."),
    "high",
    { type: "velocity", velocity: "moderate" },
  ),
  single(
    "batch",
    later("Batch"),
    later("Has no goal and little importance: gets what is left, and gives way first but for what is lowest."),
    "low",
    DISCRETIONARY,
  ),
  single(
    "rest",
    later("Everything else"),
    later("Has no goal and the lowest importance: gets what nobody else needs."),
    "lowest",
    DISCRETIONARY,
  ),
  {
    key: "database-first",
    label: later("Database first"),
    help: later("db* is fastest and most important, all others are moderate."),
    policy: () => ({
      name: t("Database first"), description: "", importance: "medium",
      "service-classes": [served("database", "fastest", "db*", "highest"), catchAll({ type: "velocity", velocity: "moderate" })],
    }),
  },
  {
    key: "tiers",
    label: later("Three tiers"),
    help: later("db* is fast, web* is moderate, others get what is left."),
    policy: () => ({
      name: t("Three tiers"), description: "", importance: "high",
      "service-classes": [served("database", "fast", "db*"), served("web", "moderate", "web*"), catchAll(DISCRETIONARY)],
    }),
  },
];

/** A policy of a group by its name. */
export function policyOf(group: Group, name: string | null): Policy | undefined {
  return group["perf-policies"].find((one) => one.name === name);
}

/** Whether a schedule of the group activates the policy. */
export function isScheduled(group: Group, name: string): boolean {
  return group.otherwise === name || (group.schedule ?? []).some((one: ScheduleEntry) => one.policy === name);
}

/**
 * What is still missing before it is worth asking the server what a policy would do, in a sentence; "": nothing. Only
 * what one leaves half typed; whether the rest is right the server judges.
 */
export function unfinished(policy: Policy): string {
  const classes = policy["service-classes"];
  if (classes.some((one) => !one.name.trim())) return t("A service class has no name yet.");
  const twice = classes.find((one, at) => classes.findIndex((other) => other.name === one.name) !== at);
  if (twice) return t("Two service classes have the name {name}.", { name: twice.name });
  const number = classes.find(({ goal }) => goal.type === "velocity" && (goal.velocity === null || goal.velocity === undefined));
  if (number) return t("The goal of {name} has no number yet.", { name: number.name });
  const rule = classes.find((one) => one.classification && hasGap(one.classification));
  return rule ? t("A filter in the rule of {name} has no value yet.", { name: rule.name }) : "";
}

/** Whether a filter in a rule has no value. */
export function hasGap(rule: Rule): boolean {
  if (rule.type === "filter") return rule.value === "";
  return rule.type === "not" ? hasGap(rule.rule) : rule.rules.some(hasGap);
}

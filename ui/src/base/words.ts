/** The API's words, in the user's language. */

import type { Activity, Adjustment, AdjustedServer, Goal, GoalStatus, Importance, Level } from "../api/types";
import { fixed, index, list, NONE, percent } from "./format";
import { later, plural, t } from "./texts";

export const IMPORTANCES: readonly Importance[] = ["highest", "high", "medium", "low", "lowest"];

const IMPORTANCE: Record<Importance, string> = {
  highest: later("highest"),
  high: later("high"),
  medium: later("medium"),
  low: later("low"),
  lowest: later("lowest"),
};

/** A goal is met up to this PI, as the server says. */
export const MET = 1.05;

/** Levels of velocity, and the percent that each stands for. */
export const VELOCITIES = { fastest: 90, fast: 75, moderate: 50, slow: 30, slowest: 10 } as const;

const VELOCITY: Record<string, string> = {
  fastest: later("fastest"),
  fast: later("fast"),
  moderate: later("moderate"),
  slow: later("slow"),
  slowest: later("slowest"),
};

const STATUS: Record<GoalStatus, string> = {
  met: later("met"),
  missed: later("missed"),
  idle: later("idle"),
  discretionary: later("discretionary"),
  unmanaged: later("unmanaged"),
  paused: later("paused"),
};

/** A shape for each status, so that colour is never needed to tell them apart. */
export const SHAPES: Record<GoalStatus, string> = {
  met: "●",
  missed: "▲",
  idle: "◌",
  discretionary: "–",
  unmanaged: "○",
  paused: "‖",
};

const OUTCOME: Record<Adjustment["outcome"], string> = {
  applied: later("applied"),
  advised: later("advised"),
  failed: later("failed"),
};

const WHY_NOT: Record<string, string> = {
  "at-capacity": later("Work that is as important, or more, needs more CPU than there is."),
  "at-floor": later("Everything less important has been reduced to its floor already."),
  "no-gain": later("More weight would not make it faster: its delays come from its own waking up and from its equals."),
  cooldown: later("It was changed a moment ago; hpm waits and sees what comes of it."),
  excluded: later("An administrator said that hpm leaves it alone."),
  "ratio-limit": later("Its share is at the limit of 1 to 500 between any two servers."),
  "changed-by-administrator": later("An administrator changed its shares. That is respected until it is released."),
  unreachable: later("The hypervisor or the server's cgroup could not be reached."),
};

const LEFT_ALONE: Record<string, string> = {
  "changed-by-administrator": later("An administrator changed its shares; release it to have it managed again."),
  excluded: later("Excluded: hpm leaves it alone."),
  "no-policy": later("Its group has no active policy."),
  "not-running": later("It is not running."),
  "own-quota": later("It has a CPU quota of its own."),
  paused: later("It is paused."),
  pinned: later("Its vCPUs are pinned."),
  "real-time": later("Its vCPUs are scheduled as real-time work."),
  unreachable: later("Its CPU shares cannot be read."),
};

const RUN_STATE: Record<string, string> = {
  running: later("running"),
  paused: later("paused"),
  "shut-off": later("shut off"),
  crashed: later("crashed"),
  unknown: later("unknown"),
};

const ACTIVITY_OUTCOME: Record<Activity["outcome"], string> = {
  done: later("done"),
  refused: later("refused"),
  failed: later("failed"),
};

/** How somebody showed who it is. */
const MEANS: Record<Activity["means"], string> = {
  socket: later("on this host, by its socket"),
  session: later("logged in to these pages"),
  password: later("with a password, by a program"),
  token: later("with a token, by a program"),
  wok: later("logged in to Wok"),
  nobody: later("did not show who it is"),
};

export const activityOutcomeWord = (value: Activity["outcome"]): string => t(ACTIVITY_OUTCOME[value]);
export const meansWord = (value: Activity["means"]): string => t(MEANS[value] ?? value);
export const importanceWord = (value: Importance | null | undefined): string => (value ? t(IMPORTANCE[value]) : NONE);
export const statusWord = (value: GoalStatus): string => t(STATUS[value]);
export const outcomeWord = (value: Adjustment["outcome"]): string => t(OUTCOME[value]);
export const runStateWord = (value: string): string => t(RUN_STATE[value] ?? value);
export const levelOfVelocity = (name: string): string => t(VELOCITY[name] ?? name);

/** Why an adjustment was not (fully) possible; a word that this UI does not know is shown as it is. */
export const whyNot = (reason: string): string => t(WHY_NOT[reason] ?? reason);

/** Why hpm leaves a server alone. */
export const whyLeftAlone = (reason: string): string => t(LEFT_ALONE[reason] ?? reason);

/** The goal's velocity in percent; null: it has none. */
export function goalPercent(goal: Goal | null | undefined): number | null {
  if (!goal || goal.type !== "velocity") return null;
  return typeof goal.velocity === "number" ? goal.velocity : VELOCITIES[goal.velocity];
}

/** A goal in words: "fast (75)", "60", "discretionary". */
export function goalWord(goal: Goal | null | undefined): string {
  if (!goal) return NONE;
  if (goal.type === "discretionary") return t("discretionary");
  return typeof goal.velocity === "number" ? String(goal.velocity) : `${levelOfVelocity(goal.velocity)} (${VELOCITIES[goal.velocity]})`;
}

export const LEVELS: readonly Level[] = ["off", "advise", "on"];

export function levelWord(level: Level): string {
  return { off: t("Off"), advise: t("Advise"), on: t("On") }[level];
}

/** What a management level does, in a sentence. */
export function levelSentence(level: Level): string {
  return {
    off: t("hpm only watches. Servers have the shares that they had before hpm."),
    advise: t("hpm plans and reports what it would do, and changes nothing."),
    on: t("hpm moves CPU between servers so that goals are met in order of importance."),
  }[level];
}

const MOST_NAMES = 3;
const MOST_AFFECTED = 12;
/** CPUs below which a difference is not worth telling. */
const LEAST = 0.005;

/** CPUs that servers gained, all together, or are expected to; those of whom it is not known do not count. */
function gained(servers: readonly AdjustedServer[]): number {
  const gains = servers.map((one) => (one["cpu-measured"] ?? one["cpu-projected"] ?? NaN) - (one["cpu-before"] ?? NaN));
  return gains.filter((one) => !Number.isNaN(one)).reduce((sum, one) => sum + one, 0);
}

const need = (one: AdjustedServer): number => one["pi-before"] ?? 0;

/** Servers in the order in which they are worth naming: who needed it most; of donors, who gave most. */
export function inOrder(one: Adjustment): { receivers: AdjustedServer[]; donors: AdjustedServer[] } {
  return {
    receivers: [...one.receivers].sort((a, b) => need(b) - need(a)),
    donors: [...one.donors].sort((a, b) => gained([a]) - gained([b])),
  };
}

const names = (servers: readonly AdjustedServer[]): string => some(servers.map((one) => one.name), MOST_NAMES);

/** The first ones of many names in a sentence, and how many others there are. */
function some(all: readonly string[], most: number): string {
  if (all.length <= most) return list(all);
  return list([...all.slice(0, most - 1), plural("{n} other", "{n} others", all.length - most + 1)]);
}

/** An adjustment in plain words: who got how much of whom, what came of it, and why not more. */
export function adjustmentSentences(one: Adjustment): string[] {
  const { receivers: all, donors } = inOrder(one);
  // who has a goal is what it was done for; that others got something of what was left, its details say
  const wanted = all.filter((server) => (server.goal ?? null) !== null);
  const receivers = wanted.length > 0 ? wanted : all;
  const said = [whatWasDone(one, receivers, donors), ...whatCame(one, receivers)];
  if (one.reason && !SAID.has(one.reason)) said.push(whyNot(one.reason));
  return said;
}

/** Reasons that the first sentence tells already. */
const SAID: ReadonlySet<string> = new Set(["changed-by-administrator"]);

function whatWasDone(one: Adjustment, receivers: readonly AdjustedServer[], donors: readonly AdjustedServer[]): string {
  const more = gained(receivers.length > 0 ? receivers : donors);
  const amount = Math.abs(more);
  const values = { receivers: names(receivers), donors: names(donors), cpu: fixed(amount, amount < 0.095 ? 2 : 1) };
  if (one.outcome === "failed") {
    if (one.reason === "changed-by-administrator") return t("An administrator changed the shares of {receivers}, which hpm leaves alone until released.", values);
    return receivers.length > 0 ? t("{receivers} could not be helped.", values) : t("An adjustment was not possible.");
  }
  const advised = one.outcome === "advised";
  if (receivers.length === 0) {
    if (more > -LEAST) return advised ? t("{donors} would have a smaller share.", values) : t("{donors} got a smaller share.", values);
    return advised ? t("{donors} would give {cpu} CPU back.", values) : t("{donors} gave {cpu} CPU back.", values);
  }
  if (more < LEAST) return advised ? t("{receivers} would get a larger share.", values) : t("{receivers} got a larger share.", values);
  if (donors.length === 0) return advised ? t("{receivers} would get {cpu} CPU.", values) : t("{receivers} got {cpu} CPU.", values);
  return advised ? t("{receivers} would get {cpu} CPU from {donors}.", values) : t("{receivers} got {cpu} CPU from {donors}.", values);
}

/** What came of it for who needed it most, as far as it is known. */
function whatCame(one: Adjustment, receivers: readonly AdjustedServer[]): string[] {
  const first = receivers[0];
  const before = first?.["velocity-before"] ?? null;
  const goal = first?.goal ?? null;
  if (!first || before === null || goal === null) return first ? indexes(first) : [];
  const measured = first["velocity-measured"] ?? null;
  const expected = first["velocity-projected"] ?? null;
  const after = percent(measured ?? expected);
  const values = { name: first.name, before: percent(before), after, goal: percent(goal) };
  const many = receivers.length > 1;
  if (measured !== null) {
    return [many ? t("Velocity of {name} {before} → {after}, goal {goal}.", values) : t("Velocity {before} → {after}, goal {goal}.", values)];
  }
  if (expected !== null && one.outcome !== "failed") {
    return [many ? t("Velocity of {name} {before}, {after} expected, goal {goal}.", values) : t("Velocity {before}, {after} expected, goal {goal}.", values)];
  }
  return [many ? t("Velocity of {name} {before}, goal {goal}.", values) : t("Velocity {before}, goal {goal}.", values)];
}

/** The same of a record that has no velocities: an earlier hpm wrote it, or there was no goal in percent. */
function indexes(first: AdjustedServer): string[] {
  if (first["pi-before"] === null) return [];
  const pi = { name: first.name, before: index(first["pi-before"]), after: index(first["pi-measured"]), expected: index(first["pi-projected"]) };
  const after = first["pi-measured"] ?? first["pi-projected"];
  if (after === first["pi-before"]) return []; // discretionary work has one PI, whatever becomes of it
  if (first["pi-measured"] !== null) return [t("The PI of {name} went from {before} to {after}.", pi)];
  if (first["pi-projected"] !== null) return [t("The PI of {name} is {before}; {expected} is expected.", pi)];
  return [];
}

/** Why it was not (fully) possible, in sentences; with the servers that each is about where the record says so. */
export function reasonsOf(one: Adjustment): string[] {
  const parts = (one.detail ?? "").split("; ").filter(Boolean);
  const affected = new Map<string, string[]>(); // names by reason
  for (const part of parts) {
    const at = part.lastIndexOf(": ");
    const word = part.slice(at + 2);
    if (at > 0 && WHY_NOT[word]) affected.set(word, [...(affected.get(word) ?? []), part.slice(0, at)]);
    else return [...(one.reason ? [whyNot(one.reason)] : []), one.detail!];
  }
  if (affected.size === 0) return one.reason ? [whyNot(one.reason)] : [];
  return [...affected].map(([word, all]) => t("{names}: {why}", { names: some(all, MOST_AFFECTED), why: whyNot(word) }));
}

const ATTRIBUTE: Record<string, string> = {
  "virtual-server-name": later("name"),
  "virtual-server-uuid": later("UUID"),
  title: later("title"),
  hostname: later("hostname"),
  "os-type": later("OS type"),
  "os-name": later("OS name"),
  "os-level": later("OS level"),
  metadata: later("metadata"),
};

/** What rules can compare of a server. */
export const attributeWord = (name: string): string => t(ATTRIBUTE[name] ?? name);

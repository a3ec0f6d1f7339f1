/** The API's words, in the user's language. */

import type { Adjustment, AdjustedServer, Goal, GoalStatus, Importance, Level } from "../api/types";
import { index, list, NONE } from "./format";
import { later, t } from "./texts";

export const IMPORTANCES: readonly Importance[] = ["highest", "high", "medium", "low", "lowest"];

const IMPORTANCE: Record<Importance, string> = {
  highest: later("highest"),
  high: later("high"),
  medium: later("medium"),
  low: later("low"),
  lowest: later("lowest"),
};

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

function names(servers: readonly AdjustedServer[]): string {
  const all = servers.map((one) => one.name);
  if (all.length <= MOST_NAMES) return list(all);
  return list([...all.slice(0, MOST_NAMES - 1), t("{n} others", { n: all.length - MOST_NAMES + 1 })]);
}

/** An adjustment in plain words; what it came to is added when it was measured. */
export function adjustmentSentences(one: Adjustment): string[] {
  const said: string[] = [];
  const values = { receivers: names(one.receivers), donors: names(one.donors) };
  const many = one.receivers.length > 1;
  if (one.outcome === "failed") {
    said.push(one.receivers.length > 0 ? t("{receivers} could not be helped.", values) : t("An adjustment was not possible."));
  } else if (one.receivers.length === 0) {
    const text = one.outcome === "advised" ? t("{donors} would give CPU back.", values) : t("{donors} gave CPU back.", values);
    said.push(text);
  } else if (one.outcome === "advised") {
    said.push(
      one.donors.length > 0 ? t("{receivers} would get CPU from {donors}.", values) : t("{receivers} would get a larger share.", values),
    );
  } else {
    said.push(one.donors.length > 0 ? t("{receivers} got CPU from {donors}.", values) : t("{receivers} got a larger share.", values));
  }
  const first = one.receivers[0];
  if (first && !many && first["pi-before"] !== null) {
    const pi = { before: index(first["pi-before"]), after: index(first["pi-measured"]), expected: index(first["pi-projected"]) };
    if (first["pi-measured"] !== null) said.push(t("Its PI went from {before} to {after}.", pi));
    else if (first["pi-projected"] !== null) said.push(t("Its PI is {before}; {expected} is expected.", pi));
  }
  if (one.reason) said.push(whyNot(one.reason));
  return said;
}

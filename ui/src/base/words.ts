/** The API's words, in the user's language. */

import type { Activity, Adjustment, Goal, GoalStatus, Importance, Level, Managed } from "../api/types";
import { exact, NONE } from "./format";
import { later, t } from "./texts";

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

/** The same of its memory, where it is said in other words. */
const MEMORY_LEFT_ALONE: Record<string, string> = {
  "another-manager": later("Another program manages memory on this host."),
  booting: later("It was started a moment ago: first it is seen what it needs."),
  "by-policy": later("A memory policy decides on it."),
  "changed-by-administrator": later("An administrator moved its balloon; release it to have its memory managed again."),
  migrating: later("It is being migrated, saved or copied."),
  "no-balloon": later("It has no balloon."),
  "no-report": later("Its balloon does not tell how much it uses."),
  "pinned-memory": later("Its memory is pinned: a device is assigned to it, or its pages are locked."),
  unreachable: later("Its balloon cannot be asked now."),
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

/** What it did when that was known last. */
export const runStateThen = (value: string, stale: string | null | undefined): string => `${runStateWord(value)}${stale ? "?" : ""}`;

/** Why it is not known how a server is now. */
export const whyUnknown = (since: string): string =>
  t("How it is now is not known: libvirt answers, but tells nothing of it since {time}. A hook of its start is running, say.", { time: exact(since) });

/** Why an adjustment was not (fully) possible; a word that this UI does not know is shown as it is. */
export const whyNot = (reason: string): string => t(WHY_NOT[reason] ?? reason);

/** Whether a reason is one of those. */
export const isReason = (word: string): boolean => word in WHY_NOT;

/** Why hpm leaves a server alone. */
export const whyLeftAlone = (reason: string): string => t(LEFT_ALONE[reason] ?? reason);

/** Why hpm leaves a server's memory alone. */
export const whyMemoryLeftAlone = (reason: string): string => t(MEMORY_LEFT_ALONE[reason] ?? LEFT_ALONE[reason] ?? reason);

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

export const resourceWord = (managed: Managed): string => (managed === "cpu" ? t("CPU") : t("Memory"));

/** Causes of adjustments, by what they decide on, and those of either; `none` stands for those that have none. */
const CAUSES: Record<Managed | "guest-policy", Record<string, string>> = {
  cpu: {
    none: later("goals"),
    placement: later("crowded CPUs"),
    partition: later("weights of partitions"),
  },
  memory: {
    "host-pressure": later("the host is short of memory"),
    distress: later("servers are short of memory"),
    "pressure-over": later("there is memory enough again"),
    "memory-policy": later("memory policies"),
    "another-manager": later("another program manages memory"),
    pressure: later("equal pages: memory gets short"),
    "no-gain": later("equal pages: too little is saved"),
    unmerging: later("equal pages: NUMA nodes"),
  },
  "guest-policy": {
    "drift-corrected": later("changed by somebody, and set again"),
    "drift-reported": later("changed by somebody, and left so"),
    "drift-given-up": later("changed by somebody again and again"),
    "guest-policy": later("advised by a guest policy"),
  },
};

/** Causes by what they belong to, as it is headed; only those that are possible of what is decided on that, if any is given. */
export function causes(managed: Managed | ""): { heading: string; causes: string[] }[] {
  const of = (one: Managed) => ({ heading: resourceWord(one), causes: Object.keys(CAUSES[one]) });
  const both = { heading: t("Guest policies"), causes: Object.keys(CAUSES["guest-policy"]) };
  return managed ? [of(managed), both] : [of("cpu"), of("memory"), both];
}

/** A cause in words; one that is not known stands for itself. */
export function causeWord(cause: string): string {
  const known = Object.values(CAUSES).find((one) => cause in one);
  return known ? t(known[cause]!) : cause;
}

/** What is managed, as a heading says it. */
export const managementWord = (managed: Managed): string => (managed === "cpu" ? t("CPU management") : t("Memory management"));

/** What a management level does, in a sentence. */
export function levelSentence(level: Level, managed: Managed): string {
  if (managed === "memory") {
    return {
      off: t("hpm only watches. Servers have the memory that they had before hpm."),
      advise: t("hpm plans and reports what memory it would move, and changes nothing."),
      on: t("hpm moves memory when the host or a server runs short of it: by importance, or as memory policies say."),
    }[level];
  }
  return {
    off: t("hpm only watches. Servers have the shares that they had before hpm."),
    advise: t("hpm plans and reports what it would do, and changes nothing."),
    on: t("hpm moves CPU between servers so that goals are met in order of importance."),
  }[level];
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

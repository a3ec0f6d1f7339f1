/** Adjustments in plain words: who got what of whom, what came of it, and why not more. */

import type { Adjustment, AdjustedServer } from "../api/types";
import { guestSentences, isGuestPolicy, isPlacement, placementSentences } from "./adjusted-guest";
import { memoryReasons, memorySentences } from "./adjusted-memory";
import { fixed, index, names, percent, some } from "./format";
import { t } from "./texts";
import { isReason, whyNot } from "./words";

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
export function inOrder(one: Adjustment): Pick<Adjustment, "receivers" | "donors"> {
  if (isPlacement(one)) return one; // who is moved comes first
  if (one.resource === "memory") return one; // in the order in which it was decided: by importance
  return {
    receivers: [...one.receivers].sort((a, b) => need(b) - need(a)),
    donors: [...one.donors].sort((a, b) => gained([a]) - gained([b])),
  };
}

/** An adjustment in plain words: who got how much of whom, what came of it, and why not more. */
export function adjustmentSentences(one: Adjustment): string[] {
  if (isPlacement(one)) return placementSentences(one);
  if (isGuestPolicy(one)) return guestSentences(one);
  if (one.resource === "memory") return memorySentences(one);
  if (isPartition(one)) return [partitionSentence(one)];
  const { receivers: all, donors } = inOrder(one);
  // who has a goal is what it was done for; that others got something of what was left, its details say
  const wanted = all.filter((server) => (server.goal ?? null) !== null);
  const receivers = wanted.length > 0 ? wanted : all;
  const said = [whatWasDone(one, receivers, donors), ...whatCame(one, receivers)];
  if (one.reason && !SAID.has(one.reason)) said.push(whyNot(one.reason));
  return said;
}

/** Whether it changed nothing but weights of partitions. */
const isPartition = (one: Adjustment): boolean => one.cause === "partition";

function partitionSentence({ outcome }: Adjustment): string {
  if (outcome === "failed") return t("Partitions could not be given the shares that the CPUs reserved for them need.");
  if (outcome === "advised") return t("Partitions would be given other shares, so that they have the CPUs reserved for them.");
  return t("Partitions were given other shares, so that they have the CPUs reserved for them.");
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
  if (isGuestPolicy(one)) return []; // the sentences say it
  if (isPlacement(one) || isPartition(one)) return one.detail ? [one.detail] : [];
  if (one.resource === "memory") return memoryReasons(one);
  const parts = (one.detail ?? "").split("; ").filter(Boolean);
  const affected = new Map<string, string[]>(); // names by reason
  for (const part of parts) {
    const at = part.lastIndexOf(": ");
    const word = part.slice(at + 2);
    if (at > 0 && isReason(word)) affected.set(word, [...(affected.get(word) ?? []), part.slice(0, at)]);
    else return [...(one.reason ? [whyNot(one.reason)] : []), one.detail!];
  }
  if (affected.size === 0) return one.reason ? [whyNot(one.reason)] : [];
  return [...affected].map(([word, all]) => t("{names}: {why}", { names: some(all, MOST_AFFECTED), why: whyNot(word) }));
}

/** Adjustments of memory in plain words: who gave memory, who got some, and how equal pages are merged (KSM). */

import type { Adjustment, AdjustedServer } from "../api/types";
import { bytes, fixed, MIB, names, some } from "./format";
import { later, t } from "./texts";

const MOST_AFFECTED = 12;

const WHY_NOT: Record<string, string> = {
  "at-floor": later("Nobody has more to give than what is in use, and a reserve."),
  "at-maximum": later("It has all the memory that it is defined with."),
  "host-pressure": later("Nobody has any left to give."),
  migrating: later("It is being migrated, saved or copied."),
  "no-gain": later("Its balloon gave less than it was asked for."),
  "rate-limit": later("Only so much is moved in one interval; others were first."),
  settling: later("What was asked for last is still on its way."),
  unreachable: later("Its balloon could not be reached."),
};

/** Why KSM was set. */
const KSM_CAUSES: Record<string, string> = {
  "no-gain": later("It saved too little."),
  pressure: later("Memory gets short."),
  "pressure-over": later("There is memory enough again."),
  unmerging: later("How it merges across NUMA nodes can only be changed then."),
};

/** What hpm records of KSM: what it did before and what then, and at which pace. */
const KSM = /^KSM (off|on|off and unmerged) → (off|on|off and unmerged)(?:, (\d+) pages every (\d+) ms|, at the pace of (the kernel))?/;

interface Merging {
  before: string;
  after: string;
  /** Pages in one step, and milliseconds between two; undefined: it is off. */
  pages: number | undefined;
  pause: number | undefined;
  /** Whether the kernel itself decides on the pace. */
  advised: boolean;
}

/** What becomes of KSM that an administrator changed. */
export const KSM_BY_HAND = later(
  "An administrator changed how equal pages are merged (KSM), which hpm leaves alone until its management is switched off and on again (see memory policies).",
);

/** What an adjustment did with KSM; null: it is about servers, or the host. */
function mergingOf(one: Adjustment): Merging | null {
  const found = KSM.exec(one.detail ?? "");
  if (!found) return null;
  const [, before, after, pages, pause, advised] = found;
  return { before: before!, after: after!, pages: pages ? Number(pages) : undefined, pause: pause ? Number(pause) : undefined, advised: Boolean(advised) };
}

/** An adjustment of memory in plain words. */
export function memorySentences(one: Adjustment): string[] {
  const merging = mergingOf(one);
  if (merging) return [...ksmSentences(one, merging), ...(one.reason ? [whyNotMemory(one.reason)] : [])];
  if (one.reason === "changed-by-administrator") return [byHand(one)];
  const said = [one.outcome === "failed" ? whatFailed(one) : whatWasMoved(one)];
  const first = one.receivers[0] ?? one.donors[0];
  if (first) said.push(...figuresOf(first, one.receivers.length + one.donors.length > 1));
  if (one.reason && first) said.push(whyNotMemory(one.reason));
  return said;
}

/** What memory policies had done. */
function whatPoliciesDid(one: Adjustment): string {
  const { receivers, donors } = one;
  const advised = one.outcome === "advised";
  const values = { receivers: names(receivers), donors: names(donors), size: moved(receivers.length > 0 ? receivers : donors) };
  if (receivers.length === 0 && donors.length === 0) return advised ? t("Memory policies would change something else than memory.") : t("Memory policies changed something else than memory.");
  if (receivers.length === 0) return advised ? t("By memory policies {donors} would give {size}.", values) : t("By memory policies {donors} gave {size}.", values);
  if (donors.length === 0) return advised ? t("By memory policies {receivers} would get {size} of memory.", values) : t("By memory policies {receivers} got {size} of memory.", values);
  return advised ? t("By memory policies {receivers} would get {size} of memory; {donors} would give some.", values) : t("By memory policies {receivers} got {size} of memory; {donors} gave some.", values);
}

/** What else there is to say of it, in sentences. */
export function memoryReasons(one: Adjustment): string[] {
  const merging = mergingOf(one);
  if (merging?.pages !== undefined) return [t("{pages} pages are looked at every {pause}\u00a0ms.", { pages: fixed(merging.pages), pause: fixed(merging.pause) })];
  if (merging?.advised) return [t("The kernel itself decides how many pages are looked at.")];
  if (!one.detail || (one.reason && TOLD.has(one.reason))) return [];
  return one.cause === POLICY ? one.detail.split("; ") : [one.detail];
}

/** Reasons of which the sentences tell all that the detail does. */
const TOLD: ReadonlySet<string> = new Set(["at-floor", "at-maximum", "changed-by-administrator", "host-pressure", "no-gain", "rate-limit", "settling"]);

/** The cause of what memory policies decided. */
const POLICY = "memory-policy";
/** Cause and reason where another program manages memory. */
const RIVALS = "another-manager";

const whyNotMemory = (reason: string): string => t(WHY_NOT[reason] ?? reason);

function byHand({ receivers }: Adjustment): string {
  if (receivers.length === 0) return t(KSM_BY_HAND);
  return t("An administrator moved the balloon of {receivers}, which hpm leaves alone until released.", { receivers: some(receivers.map(({ name }) => name), MOST_AFFECTED) });
}

function whatFailed(one: Adjustment): string {
  if (one.reason === RIVALS) return t("Another program manages memory on this host, so hpm leaves it alone.");
  if (one.reason === "policy-error") return t("There was an error in a memory policy.");
  const all = [...one.receivers, ...one.donors];
  if (one.cause === "host-pressure" && all.length === 0) {
    const lacking = /lacks (\d+) MiB/.exec(one.detail ?? "")?.[1];
    if (!lacking) return t("The host is short of memory, and no server can give more.");
    return t("The host lacks {size} of memory, and no server can give more.", { size: bytes(MIB * Number(lacking)) });
  }
  const values = { receivers: names(all) };
  if (one.cause === POLICY && all.length === 0) return t("What memory policies want could not be set.");
  if (one.cause === "distress" && one.donors.length === 0) return t("{receivers} ran short of memory, and could not be helped.", values);
  return t("The memory of {receivers} could not be changed.", values);
}

function whatWasMoved(one: Adjustment): string {
  if (one.cause === POLICY) return whatPoliciesDid(one);
  const { receivers, donors } = one;
  const advised = one.outcome === "advised";
  const size = moved(receivers.length > 0 ? receivers : donors);
  const values = { receivers: names(receivers), donors: names(donors), size };
  if (receivers.length === 0) {
    if (one.cause === "distress") {
      return advised ? t("{donors} would give {size} of memory to servers that ran short of it.", values) : t("{donors} gave {size} of memory to servers that ran short of it.", values);
    }
    return advised ? t("{donors} would give {size} of memory to the host, which was short of it.", values) : t("{donors} gave {size} of memory to the host, which was short of it.", values);
  }
  if (one.cause === "pressure-over") {
    return advised ? t("{receivers} would get {size} of memory back: the host has enough again.", values) : t("{receivers} got {size} of memory back: the host has enough again.", values);
  }
  if (donors.length === 0) return advised ? t("{receivers} ran short of memory, and would get {size}.", values) : t("{receivers} ran short of memory, and got {size}.", values);
  return advised ? t("{receivers} ran short of memory, and would get {size}; {donors} would give some.", values) : t("{receivers} ran short of memory, and got {size}; {donors} gave some.", values);
}

/** What servers got or gave, all together. */
function moved(servers: readonly AdjustedServer[]): string {
  const all = servers.map((one) => (one["memory-after-mib"] ?? NaN) - (one["memory-before-mib"] ?? NaN)).filter((one) => !Number.isNaN(one));
  return bytes(MIB * Math.abs(all.reduce((sum, one) => sum + one, 0)));
}

/** What one of them had, is to have, and used; `named`: it is one of several. */
function figuresOf(server: AdjustedServer, named: boolean): string[] {
  const [before, after, used] = [server["memory-before-mib"] ?? null, server["memory-after-mib"] ?? null, server["memory-used-mib"] ?? null];
  if (before === null) return [];
  const values = { name: server.name, before: fixed(before), after: fixed(after), used: fixed(used) };
  if (after === null) return used === null ? [] : [t("It has {before}\u00a0MiB, and uses {used}.", values)];
  if (used === null) return [named ? t("{name}: {before} → {after}\u00a0MiB.", values) : t("{before} → {after}\u00a0MiB.", values)];
  return [named ? t("{name}: {before} → {after}\u00a0MiB, {used} in use.", values) : t("{before} → {after}\u00a0MiB, {used} in use.", values)];
}

function ksmSentences(one: Adjustment, { before, after }: Merging): string[] {
  const cause = one.cause && KSM_CAUSES[one.cause] ? [t(KSM_CAUSES[one.cause]!)] : [];
  return [ksmSentence(one.outcome, before, after), ...cause];
}

function ksmSentence(outcome: Adjustment["outcome"], before: string, after: string): string {
  if (outcome === "failed") return t("The merging of equal pages (KSM) could not be set.");
  const advised = outcome === "advised";
  if (after === "off") return advised ? t("Equal pages would not be merged any more (KSM).") : t("Equal pages are not merged any more (KSM).");
  if (after === "off and unmerged") return advised ? t("Merged pages would be taken apart (KSM).") : t("Merged pages are taken apart (KSM).");
  if (before === "on") return advised ? t("Equal pages would be merged at another pace (KSM).") : t("Equal pages are merged at another pace (KSM).");
  return advised ? t("Equal pages of memory would be merged (KSM).") : t("Equal pages of memory are merged from now on (KSM).");
}

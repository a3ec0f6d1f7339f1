/** Adjustments of guest policies in plain words: vCPUs that were moved to other CPUs, and values that somebody changed. */

import type { Adjustment, AdjustedServer } from "../api/types";
import { names, percent } from "./format";
import { t } from "./texts";
import { fieldLabel, type FieldName } from "../guest/words";

/** Movers that are told of one by one. */
const MOST = 3;

/** Whether vCPUs were moved by it. */
export const isPlacement = (one: Adjustment): boolean => one.cause === "placement";

const moved = (one: Adjustment): AdjustedServer[] => one.receivers.filter((server) => (server["pinned-after"] ?? null) !== null);

/** Where vCPUs may run: "0-3", or for each of them "0 · 1". */
export function pinsWords(pins: readonly string[] | null | undefined): string {
  if (!pins) return "";
  const each = (pins.length > 0 ? pins : [""]).map((one) => one || t("any"));
  return new Set(each).size === 1 ? each[0]! : each.join(" · ");
}

/** vCPUs that were moved, from where to where, and what came of it for all together. */
export function placementSentences(one: Adjustment): string[] {
  const movers = moved(one);
  const values = { names: names(movers) };
  if (one.outcome === "failed") return [t("vCPUs of {names} could not be moved to other CPUs.", values)];
  const did = one.outcome === "advised"
    ? t("vCPUs of {names} would be moved to CPUs that are less crowded.", values)
    : t("vCPUs of {names} were moved to CPUs that are less crowded.", values);
  const each = movers.slice(0, MOST).map((server) => {
    const places = { name: server.name, before: pinsWords(server["pinned-before"]), after: pinsWords(server["pinned-after"]) };
    return movers.length > 1 ? t("{name}: CPUs {before} → {after}.", places) : t("CPUs {before} → {after}.", places);
  });
  return [did, ...each, ...total(one)];
}

function total(one: Adjustment): string[] {
  const [before, projected, measured] = [one["total-velocity-before"], one["total-velocity-projected"], one["total-velocity-measured"]];
  if (typeof before !== "number") return [];
  if (typeof measured === "number") return [t("Velocity of all together {before} → {after}.", { before: percent(before), after: percent(measured) })];
  if (typeof projected === "number") return [t("Velocity of all together {before}, {after} expected.", { before: percent(before), after: percent(projected) })];
  return [];
}

/** What hpm records of a field of a guest policy, by its cause: the values in it, after "guest policy, FIELD of NAME: ". */
const VALUES: Readonly<Record<string, RegExp>> = {
  "drift-corrected": /^somebody set (.*); set to (.*) again$/,
  "drift-reported": /^somebody set (.*); the policy says to report that only$/,
  "drift-given-up": /^somebody set (.*) again after hpm had set it (\d+) times/,
  "guest-policy": /^(.*) would become (.*)$/,
};

interface Field {
  field: string;
  name: string;
  words: string;
}

function fieldOf(one: Adjustment): Field | null {
  const server = one.receivers[0];
  const field = /^guest policy, ([a-z-]+) of /.exec(one.detail ?? "")?.[1];
  const start = `guest policy, ${field} of ${server?.name}: `;
  if (!server || !field || !one.detail!.startsWith(start)) return null;
  return { field: fieldLabel(field as FieldName), name: server.name, words: one.detail!.slice(start.length) };
}

/** Whether it is about a field of a guest policy. */
export const isGuestPolicy = (one: Adjustment): boolean => (one.cause ?? "") in VALUES && fieldOf(one) !== null;

/** A value of a guest policy that somebody changed, and what became of it, with before and after. */
export function guestSentences(one: Adjustment): string[] {
  const { field, name, words } = fieldOf(one)!;
  const found = VALUES[one.cause!]!.exec(words);
  if (!found) return [t("{name}, {field}: {what}.", { name, field, what: words })];
  const told = { field, name, before: found[1]!, after: found[2] ?? "" };
  switch (one.cause) {
    case "drift-corrected": return [t("Somebody changed {name}, {field}, to {before}; hpm set {after} again.", told)];
    case "drift-reported": return [t("Somebody changed {name}, {field}, to {before}. It is left so, as its policy says.", told)];
    case "drift-given-up": return [t("Somebody changed {name}, {field}, to {before} once more after hpm had set it {after} times. It is left so until it is released.", told)];
    default: return [t("{name}, {field}: {before} would become {after}.", told)];
  }
}

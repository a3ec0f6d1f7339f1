/** What memory policies and their decisions are in words. */

import type { MomFault, MomHostWanted, MomRival, MomStopped, MomWanted, Settings } from "../api/types";
import { KSM_BY_HAND } from "../base/adjusted-memory";
import { fixed } from "../base/format";
import { later, t } from "../base/texts";
import { whyMemoryLeftAlone } from "../base/words";

export type Decides = Settings["memory-policy"] & string;
export const DECIDES: readonly Decides[] = ["goals", "goals-and-mom", "mom"];

export function decidesWord(value: Decides): string {
  return { goals: t("Business importance"), "goals-and-mom": t("Policies, and importance elsewhere"), mom: t("Policies alone") }[value];
}

/** What decides on memory, in a sentence. */
export function decidesSentence(value: Decides): string {
  return {
    goals: t("Memory moves by business importance. Memory policies are kept, and decide nothing."),
    "goals-and-mom": t("Where a memory policy sets something it decides; elsewhere memory moves by business importance."),
    mom: t("Memory policies alone decide. What they do not set stays as it is."),
  }[value];
}

/** Whether hpm may change KSM. */
export const mergingSentence = (managed: boolean): string =>
  managed ? t("hpm manages how equal pages are merged (KSM).") : t("hpm does not manage how equal pages are merged (KSM).");

/** What is noted of the host, as hpm says it. */
const HOST_NOTES: readonly [RegExp, string][] = [
  [/^left alone: KSM is not managed/, later("hpm does not manage how equal pages are merged (KSM).")],
  [/^left alone: an administrator changed KSM/, KSM_BY_HAND],
];

/** A value of a policy as it stands in one: text in quotes, numbers in full. */
export function valueWord(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return String(Math.abs(value) < 1 ? Number(value.toPrecision(4)) : Number(value.toFixed(3)));
  if (typeof value === "object" && !Array.isArray(value)) {
    const [first] = Object.entries(value);
    return first && ["entity", "device"].includes(first[0]) ? String(first[1]) : JSON.stringify(value);
  }
  return JSON.stringify(value);
}

/** What is set: `balloon_target 3984588`. */
export const controlsOf = (wanted: MomWanted | MomHostWanted): string[] =>
  Object.entries(wanted.controls).map(([name, value]) => `${name} ${valueWord(value)}`);

/** What hpm makes of it, in sentences without their end. */
export function appliedOf(wanted: MomWanted | MomHostWanted): string[] {
  const { "balloon-mib": balloon, "vcpu-quota": quota, "vcpu-period": period, "io-tune": disks, run, pages_to_scan: pages, sleep_millisecs: pause } = wanted.applied as Record<string, unknown>;
  const said: string[] = [];
  if (typeof balloon === "number") said.push(t("its balloon leaves it {size}\u00a0MiB", { size: fixed(balloon) }));
  if (typeof quota === "number") {
    said.push(quota < 0 ? t("no quota of its vCPUs") : t("each vCPU may run {quota} of {period}\u00a0µs", { quota: fixed(quota), period: fixed(Number(period)) }));
  }
  if (disks && typeof disks === "object") said.push(t("other limits of {disks}", { disks: Object.keys(disks).join(", ") }));
  if (run === 1 && pages === undefined) said.push(t("equal pages are merged (KSM)"));
  else if (run === 1) said.push(t("equal pages are merged (KSM), {pages} pages every {pause}\u00a0ms", { pages: fixed(Number(pages)), pause: fixed(Number(pause)) }));
  if (run === 0) said.push(t("equal pages are not merged (KSM is off)"));
  if (run === 2) said.push(t("merged pages are taken apart (KSM)"));
  return said;
}

/** Why that is not all of it; hpm's own sentences, but for why a server is left alone. */
export function notesOf(wanted: MomWanted | MomHostWanted): string[] {
  return wanted.notes.map((note) => {
    const reason = /^left alone: ([a-z-]+)$/.exec(note)?.[1];
    if (reason) return whyMemoryLeftAlone(reason);
    const known = HOST_NOTES.find(([pattern]) => pattern.test(note))?.[1];
    return known ? t(known) : note;
  });
}

/** An error of an evaluation, with the server that it is alone about. */
export function faultSentence(one: MomFault): string {
  const values = { policy: one.policy, line: one.line, column: one.column, message: one.message, name: one.name ?? "" };
  return one.name === null
    ? t("{policy}, line {line}, column {column}: {message}", values)
    : t("{policy}, line {line}, column {column}, of {name}: {message}", values);
}

/** Where another program that manages memory runs, to be said after its name: ` (pid 123, momd.service)`. */
export const rivalPlace = ({ pid, unit }: MomRival): string => ` (pid ${pid}${unit ? `, ${unit}` : ""})`;

export const stoppedName = ({ name, unit }: MomStopped): string => `${name} (${unit})`;

/** What the API says of a text that cannot be read, without the place that it begins with. */
export const unplaced = (message: string): string => message.replace(/^line \d+, column \d+: (?:[\w.-]+: )?/, "");

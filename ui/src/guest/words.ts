/** Guest policies in plain words: what their fields are called, what they say, where it comes from, and how it stands. */

import { mirror } from "../api/mirror";
import type { Dependency, DiskLimits, GuestPolicy, Placement, PolicyField, Readiness, RunWindow, StartPolicy } from "../api/types";
import { bytes, fixed, list } from "../base/format";
import { later, t } from "../base/texts";
import { entryWords } from "../policies/words";

export type FieldName = PolicyField["name"];
export type FieldState = PolicyField["state"];

/** All fields but `start`, which has a section of its own, in the order in which they are shown. */
export const FIELDS: readonly FieldName[] = [
  "placement", "emulator-cpus", "cpu-weight", "cpu-reserve", "cpu-cap", "blkio-weight", "disk-limits",
  "memory-minimum-mib", "memory-swap-limit-mib", "huge-pages", "page-sharing", "drift",
];

const LABEL: Record<FieldName, string> = {
  placement: later("Placement of vCPUs"),
  "emulator-cpus": later("CPUs of the emulator"),
  "cpu-weight": later("CPU weight"),
  "cpu-reserve": later("Reserve (CPUs)"),
  "cpu-cap": later("Cap (CPUs)"),
  "blkio-weight": later("Block I/O weight"),
  "disk-limits": later("Limits of disks"),
  "memory-minimum-mib": later("Minimum of memory (MiB)"),
  "memory-swap-limit-mib": later("Memory and swap (MiB)"),
  "huge-pages": later("Huge pages"),
  "page-sharing": later("Page sharing"),
  drift: later("When somebody changes it"),
  start: later("Start and stop"),
};

const STATE: Record<FieldState, string> = {
  unsaid: later("as the host has it"),
  holds: later("holds"),
  waits: later("waits"),
  "next-start": later("from the next start on"),
  drifts: later("changed by somebody"),
  "not-managed": later("not managed"),
  advised: later("advised"),
  overruled: later("something else decides"),
  impossible: later("cannot be had"),
};

/** A shape for each state, so that colour is never needed to tell them apart. */
export const STATE_SHAPES: Record<FieldState, string> = {
  unsaid: "–",
  holds: "●",
  waits: "◌",
  "next-start": "◌",
  drifts: "▲",
  "not-managed": "○",
  advised: "◇",
  overruled: "◇",
  impossible: "▲",
};

const HUGE_PAGES: Record<string, string> = {
  none: later("none"),
  transparent: later("transparent"),
  hugetlbfs: later("of hugetlbfs"),
};

const DRIFT: Record<string, string> = {
  correct: later("put it right"),
  report: later("leave it, and say so"),
};

export const fieldLabel = (name: FieldName): string => t(LABEL[name]);
export const stateWord = (state: FieldState): string => t(STATE[state]);
export const hugePagesWord = (value: string): string => t(HUGE_PAGES[value] ?? value);
export const driftWord = (value: string): string => t(DRIFT[value] ?? value);

/** Names of things that a policy refers to by their ids. */
export interface Names {
  server: (id: string) => string;
  group: (id: string) => string;
}

/** As far as the pages know them already. */
export const KNOWN: Names = { server: (id) => mirror.byUuid(id)?.name ?? id, group: (id) => id };

/** What a policy says of a field, in words; null: nothing. */
export function valueWords(policy: GuestPolicy | undefined, name: FieldName, names: Names = KNOWN): string | null {
  const value = policy?.[name];
  if (value === null || value === undefined) return null;
  if (name === "placement") return placementWords(value as Placement);
  if (name === "disk-limits") return disksWords(value as Record<string, DiskLimits>);
  if (name === "start") return startWords(value as StartPolicy, names).join("; ");
  if (name === "huge-pages") return hugePagesWord(value as string);
  if (name === "drift") return driftWord(value as string);
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  return typeof value === "number" ? fixed(value, name === "cpu-reserve" || name === "cpu-cap" ? 2 : 0) : String(value);
}

/** Where vCPUs run: "CPUs 0-3, alone". */
export function placementWords(one: Placement): string {
  const where = placed(one);
  return one.type !== "anywhere" && one.exclusive ? t("{where}, alone", { where }) : where;
}

function placed(one: Placement): string {
  switch (one.type) {
    case "cpus":
      return t("CPUs {cpus}", { cpus: one.cpus });
    case "vcpus":
      return t("each vCPU on its own: {cpus}", { cpus: one.cpus.join(" · ") });
    case "node":
      return t("NUMA node {node}", { node: one.node });
    case "spread":
      return t("spread");
    case "pack":
      return t("packed");
    default:
      return t("anywhere");
  }
}

/** What can be limited of a disk: how it is called, and how it is written with its value. */
export const LIMITS: readonly (readonly [keyof DiskLimits, label: string, words: string])[] = [
  ["total-bytes-sec", later("bytes/s"), later("{n}/s")],
  ["read-bytes-sec", later("bytes/s read"), later("{n}/s read")],
  ["write-bytes-sec", later("bytes/s written"), later("{n}/s written")],
  ["total-iops-sec", later("requests/s"), later("{n} requests/s")],
  ["read-iops-sec", later("requests/s to read"), later("{n} requests/s to read")],
  ["write-iops-sec", later("requests/s to write"), later("{n} requests/s to write")],
];

export function disksWords(disks: Record<string, DiskLimits>): string {
  return Object.entries(disks)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([disk, limits]) => t("{disk}: {limits}", { disk: disk === "*" ? t("every other disk") : disk, limits: limitsWords(limits) }))
    .join("; ");
}

function limitsWords(limits: DiskLimits): string {
  const said = LIMITS.filter(([name]) => limits[name]).map(([name, , label]) => {
    const value = limits[name]!;
    return t(label, { n: name.includes("bytes") ? bytes(value) : fixed(value) });
  });
  return said.length > 0 ? said.join(", ") : t("none");
}

/** When a server starts, is ready and stops: a sentence part for each that is said. */
export function startWords(start: StartPolicy, names: Names = KNOWN): string[] {
  const said = [t("ready {when}", { when: readyWords(start.ready) })];
  const needs = start["depends-on"] ?? [];
  if (needs.length > 0) said.push(t("after {what}", { what: list(needs.map((one) => needWords(one, names))) }));
  if (needs.length > 0 || start["not-ready"] === "wait") {
    said.push(start["not-ready"] === "wait" ? t("a start before that waits") : t("a start before that is refused"));
  }
  if (start["timeout-seconds"] !== undefined && start["timeout-seconds"] !== USUAL_TIMEOUT) said.push(t("within {n}\u00a0s", { n: fixed(start["timeout-seconds"]) }));
  if (start.autostart) said.push(t("started with the host"));
  for (const one of start.windows ?? []) said.push(t("runs {when}", { when: windowWords(one) }));
  if (start.windows?.length) said.push(start.outside === "suspend" ? t("suspended outside of its hours") : t("stopped outside of its hours"));
  return said;
}

export const USUAL_TIMEOUT = 300;

export function readyWords(ready: Readiness | null | undefined): string {
  switch (ready?.type) {
    case "guest-agent":
      return t("when its guest agent answers");
    case "tcp-port":
      return ready.address
        ? t("when port {port} answers at {address}", { port: ready.port, address: ready.address })
        : t("when port {port} answers", { port: ready.port });
    case "heartbeat-file":
      return t("while {path} is not older than {n}\u00a0s", { path: ready.path, n: fixed(ready["max-age-seconds"]) });
    case "running":
      return ready.seconds ? t("after it ran for {n}\u00a0s", { n: fixed(ready.seconds) }) : t("as soon as it runs");
    default:
      return t("as soon as it runs");
  }
}

/** What one waits for, by its name. */
export function needName(one: Dependency, names: Names): string {
  if (one["workload-resource-group"]) return t("group {name}", { name: names.group(one["workload-resource-group"]) });
  return names.server(one["virtual-server"] ?? "");
}

function needWords(one: Dependency, names: Names): string {
  const name = needName(one, names);
  if (one["when-it-stops"] === "stop") return t("{name} (and stops with it)", { name });
  return name;
}

/** Days and hours: "Mon to Fri 08:00 to 18:00". */
export const windowWords = (one: RunWindow): string => entryWords(one);

/** Who says a field, in words; null: nobody does. */
export function originWords(field: PolicyField): string {
  if (field.origin === "virtual-server") return t("this server");
  if (field.origin === "service-class") return t("class {name}", { name: field.of ?? "" });
  if (field.origin === "workload-resource-group") return t("group {name}", { name: field.of ?? "" });
  return t("host");
}

/** All that a policy says: pairs of a field and its words. */
export function said(policy: GuestPolicy | undefined, names: Names = KNOWN): [name: FieldName, words: string][] {
  const all: FieldName[] = [...FIELDS, "start"];
  return all.flatMap((name) => {
    const words = valueWords(policy, name, names);
    return words === null ? [] : [[name, words] as [FieldName, string]];
  });
}

/** A policy in one text, for lists of differences; "": it says nothing. */
export function policyWords(policy: GuestPolicy | undefined, names: Names = KNOWN): string {
  return said(policy, names)
    .map(([name, words]) => `${fieldLabel(name)}: ${words}`)
    .join("; ");
}

/** The policy without what is null, in the order of its fields; so two that say the same look the same. */
export function plain(policy: GuestPolicy | undefined): GuestPolicy {
  const all: FieldName[] = [...FIELDS, "start"];
  return Object.fromEntries(all.filter((name) => policy?.[name] !== null && policy?.[name] !== undefined).map((name) => [name, policy![name]])) as GuestPolicy;
}

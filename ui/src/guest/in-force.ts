/** What the host has of a guest policy's fields, and why a field does not hold, in words of the pages' language. */

import type { DiskLimits, EffectivePolicy, PolicyField } from "../api/types";
import { bytes, fixed, MIB } from "../base/format";
import { later, t } from "../base/texts";
import { disksWords, LIMITS, type FieldName } from "./words";

type InForce = NonNullable<EffectivePolicy["in-force"]>;
type ReasonId = NonNullable<PolicyField["reason-id"]>;

/** What the host has of a field; null: it does not run, or that cannot be seen. */
export function inForceWords(now: InForce | null, name: FieldName): string | null {
  if (!now) return null;
  switch (name) {
    case "placement":
      return pinsWords(now["vcpu-cpus"]);
    case "emulator-cpus":
      return now["emulator-cpus"] || t("any");
    case "cpu-weight":
      return now["cpu-weight"] === null ? null : fixed(now["cpu-weight"]);
    case "cpu-cap":
      return now["cpu-cap"] === null ? t("none") : fixed(now["cpu-cap"], 2);
    case "blkio-weight":
      return now["blkio-weight"] === null ? t("not set") : fixed(now["blkio-weight"]);
    case "disk-limits":
      return Object.keys(now["disk-limits"]).length > 0 ? disksWords(now["disk-limits"]) : t("it has no disks");
    case "memory-swap-limit-mib":
      return now["memory-swap-limit-mib"] === null ? t("none") : fixed(now["memory-swap-limit-mib"]);
    case "huge-pages":
      return now["huge-pages"] ? t("of hugetlbfs") : t("transparent, as far as the host has them");
    case "page-sharing":
      return now["page-sharing"] ? t("yes") : t("no");
    default:
      return null;
  }
}

/** Where vCPUs may run, from a list for each of them. */
function pinsWords(pins: readonly string[]): string {
  if (new Set(pins).size > 1) return t("each vCPU on its own: {cpus}", { cpus: pins.map((one) => one || t("any")).join(" · ") });
  return pins[0] ? t("CPUs {cpus}", { cpus: pins[0] }) : t("anywhere");
}

const REASONS: Record<ReasonId, string> = {
  "advise-of-cpu": later("CPU management is on advise"),
  "advise-of-memory": later("memory management is on advise"),
  "alone-leaves-none": later("{wanted} CPUs for one virtual server alone would leave none to others: no more than {count} are free ({free})"),
  "alone-too-few": later("{wanted} CPUs are wanted for one virtual server alone, and only {count} are free ({free})"),
  "belongs-to-another": later("CPU {cpus} belongs to another virtual server alone; free are {free}"),
  "cut-to-cap": later("it is cut to the cap of {cap} CPUs"),
  "drift-is-reported": later("somebody set {value}, and the policy says to report that only"),
  excluded: later("it is excluded from management"),
  "given-up": later("somebody set {value} again after hpm had set it {times} times; it is left so until it is released"),
  "goal-decides": later("its goal decides on its shares"),
  "host-refused": later("the host refused it: {error}"),
  "in-next-interval": later("hpm sets it in the next interval"),
  "in-next-interval-or-changed": later("hpm sets it in the next interval, unless somebody has changed it"),
  "just-set": later("hpm has just set it"),
  "kept-off": later("it is kept off CPUs that others have alone"),
  "memory-policy-decides": later("a memory policy decides on limits of disks"),
  "need-of-reserve": later("its reserve is kept by its shares; without need of that they are this weight"),
  "no-cpu": later("this host has no CPU {cpus}; it has {there}"),
  "no-disk": later("it has no disk {disks}"),
  "no-disks": later("it has no disks"),
  "no-huge-pages-of-its-own": later("it has none of hugetlbfs; whether the kernel uses transparent ones is a setting of the host"),
  "no-management-of-cpu": later("CPU management is off"),
  "no-management-of-memory": later("memory management is off"),
  "no-node": later("this host has no NUMA node {node} with CPUs; it has {nodes}"),
  "node-is-taken": later("all CPUs of node {node} ({cpus}) belong to other virtual servers alone"),
  "none-free": later("all CPUs of this host ({cpus}) belong to some virtual server alone"),
  "not-alone": later("not alone: {who}"),
  "not-readable": later("what is in force cannot be read now"),
  "not-running": later("it does not run"),
  "own-quota": later("each of its vCPUs has a quota of its own, set outside hpm"),
  "pinned-elsewhere": later("somebody else pinned it there; hpm moves it where that makes servers faster"),
  "pinned-elsewhere-held": later("somebody else pinned it there; hpm leaves it there until it is released"),
  "real-time": later("its vCPUs are scheduled as real-time work"),
  "set-by-somebody": later("somebody set {value}; hpm sets it again in the next interval"),
  "shares-changed": later("somebody changed its shares; it is left alone until it is released"),
  "shares-not-readable": later("its CPU shares cannot be read on this host"),
  "start-of-hpm": later("from the next start that hpm makes while memory management is on, or once it was written into the definition"),
  "tighter-quota": later("a quota of its own, {quota} CPUs, is tighter"),
  "too-little-memory": later("it has {memory} MiB of memory: with {limit} MiB of memory and swap the kernel would kill it"),
  "would-become": later("it would become {wanted}"),
};

/** Who runs on CPUs that a server should have alone. */
const INTRUDERS: readonly [kind: string, words: string][] = [
  ["pinned", later("{names} (pinned there by somebody else)")],
  ["excluded", later("{names} (excluded from management)")],
  ["anew", later("{names} (pinned anew by somebody else)")],
];

/** Why a field does not hold, or not as it was said; null: it does. What has no words here is told as hpm tells it. */
export function reasonWords(field: PolicyField): string | null {
  const { "reason-id": id, "reason-values": values, name } = field;
  if (id === null || !(id in REASONS)) return field.reason;
  const told: Record<string, string> = { ...values };
  for (const key of ["value", "wanted"]) if (key in values && id !== "alone-leaves-none" && id !== "alone-too-few") told[key] = controlWords(name, values[key]!);
  for (const key of ["cap", "quota"]) if (key in values) told[key] = fixed(Number(values[key]), 2);
  if (id === "belongs-to-another" && values["free"] === "none") told["free"] = t("none");
  if (id === "not-alone") told["who"] = INTRUDERS.filter(([kind]) => values[kind]).map(([kind, words]) => t(words, { names: values[kind]! })).join("; ");
  return t(REASONS[id], told);
}

/** A value as the host is told it. */
function controlWords(name: FieldName, text: string): string {
  try {
    if (name === "placement") return pinsWords(JSON.parse(text) as string[]);
    if (name === "disk-limits") {
      const disks = Object.entries(JSON.parse(text) as Record<string, number[]>);
      return disksWords(Object.fromEntries(disks.map(([disk, limits]) => [disk, Object.fromEntries(LIMITS.map(([limit], at) => [limit, limits[at] ?? 0])) as DiskLimits])));
    }
  } catch {
    return text; // a later hpm writes it in another way
  }
  if (name === "emulator-cpus") return text || t("any");
  if (name !== "memory-swap-limit-mib") return text;
  const limit = text.split(" ")[1] ?? text;
  return /^\d+$/.test(limit) ? bytes((MIB / 1024) * Number(limit)) : t("none");
}

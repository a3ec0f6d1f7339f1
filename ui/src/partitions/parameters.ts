/** The parameters of a partition by their groups: how each is called, and how its value reads. */

import type { DeviceLimits, PartitionParameters } from "../api/types";
import { bytes, cpus, fixed, list, MIB } from "../base/format";
import { later, t } from "../base/texts";
import { USUAL_PERIOD } from "./data";

export type GroupName = "cpu" | "blkio" | "memory" | "numa";
export const GROUP_NAMES: readonly GroupName[] = ["cpu", "blkio", "memory", "numa"];

const HEADING: Record<GroupName, string> = {
  cpu: later("CPU"),
  blkio: later("Block I/O"),
  memory: later("Memory"),
  numa: later("CPUs and NUMA nodes it may be on"),
};

export const groupHeading = (group: GroupName): string => t(HEADING[group]);

export interface Parameter {
  /** As the API calls it, with its group. */
  name: string;
  label: string;
  /** What stands there; "": the kernel decides. */
  text: (parameters: PartitionParameters) => string;
}

/** What a group has, in the order in which it is read. */
export function parametersOf(group: GroupName): Parameter[] {
  const size = (mib: number | null | undefined) => (typeof mib === "number" ? bytes(mib * MIB) : "");
  const number = (value: number | null | undefined) => (typeof value === "number" ? fixed(value) : "");
  switch (group) {
    case "cpu":
      return [
        { name: "cpu.shares", label: t("Weight (shares)"), text: ({ cpu }) => number(cpu?.shares) },
        { name: "cpu.quota-us", label: t("Cap"), text: ({ cpu }) => capText(cpu) },
        { name: "cpu.period-us", label: t("Period of the cap"), text: ({ cpu }) => (cpu?.["period-us"] ? t("{n}\u00a0µs", { n: fixed(cpu["period-us"]) }) : "") },
      ];
    case "blkio":
      return [
        { name: "blkio.weight", label: t("Weight"), text: ({ blkio }) => number(blkio?.weight) },
        { name: "blkio.devices", label: t("Limits of disks"), text: ({ blkio }) => (blkio?.devices ?? []).map(deviceText).join("; ") },
      ];
    case "memory":
      return [
        { name: "memory.hard-limit-mib", label: t("Hard limit"), text: ({ memory }) => size(memory?.["hard-limit-mib"]) },
        { name: "memory.soft-limit-mib", label: t("Soft limit"), text: ({ memory }) => size(memory?.["soft-limit-mib"]) },
        { name: "memory.swap-limit-mib", label: t("Limit of memory and swap"), text: ({ memory }) => size(memory?.["swap-limit-mib"]) },
      ];
    case "numa":
      return [
        { name: "numa.cpus", label: t("CPUs"), text: ({ numa }) => numa?.cpus ?? "" },
        { name: "numa.mems", label: t("NUMA nodes"), text: ({ numa }) => numa?.mems ?? "" },
      ];
  }
}

function capText(cpu: PartitionParameters["cpu"]): string {
  const quota = cpu?.["quota-us"];
  if (typeof quota !== "number") return "";
  return t("{cap} CPUs ({quota}\u00a0µs)", { cap: cpus(quota / (cpu?.["period-us"] ?? USUAL_PERIOD)), quota: fixed(quota) });
}

/** The limits of a disk, in words. */
export function deviceText(one: DeviceLimits): string {
  const rate = (value: number | null | undefined) => t("{size}/s", { size: bytes(value) });
  const said = [
    typeof one["read-bytes-sec"] === "number" ? t("reads {rate}", { rate: rate(one["read-bytes-sec"]) }) : "",
    typeof one["write-bytes-sec"] === "number" ? t("writes {rate}", { rate: rate(one["write-bytes-sec"]) }) : "",
    typeof one["read-iops-sec"] === "number" ? t("{n} reads/s", { n: fixed(one["read-iops-sec"]) }) : "",
    typeof one["write-iops-sec"] === "number" ? t("{n} writes/s", { n: fixed(one["write-iops-sec"]) }) : "",
  ].filter(Boolean);
  return t("{device}: {limits}", { device: one.device, limits: said.length > 0 ? list(said) : t("no limit") });
}

/** Why a parameter does not work on this host; "": it does. */
export function whyLacking(lacking: Readonly<Record<string, string>>, name: string): string {
  return lacking[name] ?? lacking[name.split(".")[0]!] ?? "";
}

/** Partitions as the pages have them: their tree, what they may use at most, and what can be said of them in a word. */

import { idOf } from "../api/uris";
import type { Partition, PartitionList } from "../api/types";
import { fixed, order } from "../base/format";
import { later, t } from "../base/texts";

export const PARTITIONS = "/partitions";
export const ROOT = "/machine";
/** Partitions in a path at most, the root included; the API says so, too. */
export const MOST_LEVELS = 6;

export const partitionPath = (id: string): string => `${PARTITIONS}/${encodeURIComponent(id)}`;

/** Its name among its siblings. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Of how many partitions its path is made. */
export const levelOf = (path: string): number => path.split("/").length - 1;

/** Whether it is the one, or stands below it. */
export const isWithin = (path: string, above: string): boolean => path === above || path.startsWith(`${above}/`);

/** The partitions that a path leads through, from the root to itself. */
export function lineage(path: string): string[] {
  const steps = path.split("/").slice(1);
  return steps.map((_, at) => `/${steps.slice(0, at + 1).join("/")}`);
}

/** As a tree is read: each with what is below it, before its next sibling; siblings as people order names. */
export function inOrder(all: readonly Partition[]): Partition[] {
  const compare = order();
  const below = new Map<string, Partition[]>();
  const known = new Set(all.map((one) => one["object-id"]));
  for (const one of all) {
    const above = one.parent === null ? "" : idOf(one.parent);
    const key = known.has(above) ? above : "";
    below.set(key, [...(below.get(key) ?? []), one]);
  }
  const found: Partition[] = [];
  const take = (key: string): void => {
    for (const one of (below.get(key) ?? []).sort((a, b) => compare(a.path, b.path))) {
      found.push(one);
      take(one["object-id"]);
    }
  };
  take("");
  return found;
}

/** Servers in a partition, and in all below it. */
export function serversWithin(one: Partition, all: readonly Partition[]): number {
  return all.reduce((sum, other) => sum + (isWithin(other.path, one.path) ? other["virtual-servers"].length : 0), 0);
}

/** How many CPUs a list such as 0-3,8 names. */
export function countOf(cpus: string): number {
  return cpus.split(",").reduce((sum, range) => {
    const [from = "", to = from] = range.split("-");
    return range === "" ? sum : sum + Math.max(0, Number(to) - Number(from) + 1);
  }, 0);
}

/** What a partition has of something, and what it can have at most: null, not known. */
export interface Use {
  used: number | null;
  most: number | null;
  /** Whether `most` is a limit of a partition, and not just all that the host has. */
  limited: boolean;
}

/** CPUs used, against the effective cap, or the CPUs that it may be on. */
export function cpuUse(one: Partition): Use {
  const { "cpu-cap": cap, cpus } = one.effective;
  const room = cpus ? countOf(cpus) : null;
  const limited = cap !== null && (room === null || cap < room);
  return { used: one["cpu-using"], most: limited ? cap : room, limited };
}

/** Memory taken in MiB, against the effective limit, or the host's memory. */
export function memoryUse(one: Partition, hostMib: number | null): Use {
  const limit = one.effective["memory-limit-mib"];
  return { used: one["memory-used-mib"], most: limit ?? hostMib, limited: limit !== null };
}

const STATE: Record<Partition["state"], string> = { active: later("active"), inactive: later("defined"), gone: later("gone") };

/** What it is, in a word: whether it is there, and whether that is kept. */
export function stateWord(one: Partition): string {
  if (one.path === ROOT) return t("always there");
  return one.state === "active" && !one.persistent ? t("transient") : t(STATE[one.state]);
}

/** A shape for each, so that colour is not needed to tell them apart. */
export function stateShape(one: Partition): string {
  if (one.state !== "active") return "○";
  return one.persistent || one.path === ROOT ? "●" : "◇";
}

/** Its weight, and the percent of all that stands beside it. */
export function weightText(one: Partition): string {
  const shares = (one.live ?? one.config)?.cpu?.shares;
  const part = one["shares-percent"];
  if (one.path === ROOT) return "–";
  if (typeof shares !== "number") return t("usual");
  return part === null ? fixed(shares) : t("{shares} ({part}\u00a0%)", { shares: fixed(shares), part: fixed(part, part < 10 ? 1 : 0) });
}

/** A partition's own cap in CPUs; null: none. */
export function capOf(one: Partition): number | null {
  const cpu = (one.live ?? one.config)?.cpu;
  return typeof cpu?.["quota-us"] === "number" ? cpu["quota-us"] / (cpu["period-us"] ?? USUAL_PERIOD) : null;
}

/** The kernel's own period of a quota, in microseconds. */
export const USUAL_PERIOD = 100_000;

/** What is a partition on this host. */
export function howSentence(list: PartitionList): string {
  return t("On this host a partition is: {how}.", { how: list.how });
}

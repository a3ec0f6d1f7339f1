/** What the pages of groups show, made from what the API gives in several answers. */

import type { Row } from "../api/mirror";
import type { Group, GroupMetrics, GroupSummary, Importance, Policy, ServerSummary } from "../api/types";
import { idOf } from "../api/uris";
import { order } from "../base/format";
import { goalPercent, IMPORTANCES } from "../base/words";

/** Events after which groups and who is in them are read again. */
export const GROUP_KINDS = ["workload-resource-group", "workload-resource-group-removed"] as const;
export const MEMBER_KINDS = [...GROUP_KINDS, "virtual-server", "virtual-server-removed"] as const;

export const GROUPS = "/workload-resource-groups";
export const DEFAULT = "default";

/** A group as the table shows it. */
export interface GroupRow extends GroupSummary {
  /** Velocity of its worst class, and that class's goal, in percent; null: idle, or no goal. */
  velocity: number | null;
  goal: number | null;
  scheduled: boolean;
  policies: readonly Policy[];
}

/** The path of a group, below the base of the API. */
export const groupPath = (id: string): string => `${GROUPS}/${encodeURIComponent(id)}`;

/** The policy that is active; null: none. */
export function activePolicy(group: Group): Policy | null {
  return group["perf-policies"].find((one) => one.name === group["active-policy"]) ?? null;
}

/** 0 is the highest; null: none, which comes last. */
export function importanceRank(importance: Importance | null): number | null {
  return importance === null ? null : IMPORTANCES.indexOf(importance);
}

/** One row for each group, in the order in which they come; details and metrics may come later. */
export function groupRows(
  summaries: readonly GroupSummary[],
  details: readonly Group[],
  metrics: readonly GroupMetrics[],
): GroupRow[] {
  const detailOf = new Map(details.map((one) => [one["object-id"], one]));
  const metricsOf = new Map(metrics.map((one) => [one["object-id"], one]));
  return summaries.map((one) => {
    const detail = detailOf.get(one["object-id"]);
    const policy = detail ? activePolicy(detail) : null;
    return {
      ...one,
      ...worstOf(metricsOf.get(one["object-id"]), policy),
      scheduled: (detail?.schedule?.length ?? 0) > 0,
      policies: detail?.["perf-policies"] ?? [],
    };
  });
}

/** A group is as well as its worst class: the one with the greatest PI. */
function worstOf(metrics: GroupMetrics | undefined, policy: Policy | null): { velocity: number | null; goal: number | null } {
  const classes = policy?.["service-classes"] ?? [];
  let worst = { velocity: null as number | null, goal: null as number | null, index: -1 };
  for (const one of metrics?.["service-classes"] ?? []) {
    const index = one.metrics["performance-index"];
    if (typeof index !== "number" || index <= worst.index) continue;
    const goal = goalPercent(classes.find((known) => known.name === one.name)?.goal);
    worst = { velocity: one.metrics["velocity"] ?? null, goal, index };
  }
  if (worst.index < 0) worst.goal = classes.map((one) => goalPercent(one.goal)).find((goal) => goal !== null) ?? null;
  return { velocity: worst.velocity, goal: worst.goal };
}

/** A server as it is picked and moved: where it is now. */
export interface Member {
  id: string;
  name: string;
  group: string; // the id of its group
}

export function member(server: ServerSummary): Member {
  return { id: server["object-id"], name: server.name, group: idOf(server["workload-resource-group"]) };
}

/** The same of a server that the mirror has. */
export const memberOf = ({ uuid, name, group }: Row): Member => ({ id: uuid, name, group });

export const byName = (one: string, other: string): number => order()(one, other);

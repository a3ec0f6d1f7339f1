/** How the goals of all groups stand, from the calculated metrics of their service classes. */

import type { GroupMetrics, HostMetrics } from "../api/types";
import { list, percent } from "../base/format";
import { plural, t } from "../base/texts";

export interface ClassGoal {
  group: string;
  groupId: string;
  name: string;
  alone: boolean; // whether the group has no other class
  velocity: number | null; // percent
  goal: number | null; // percent
  judged: boolean; // whether there is a goal, and servers that it is for
  met: boolean;
}

/** The service classes that have servers that do something, or a goal, in the order of their groups. */
export function classesOf(groups: readonly GroupMetrics[]): ClassGoal[] {
  return groups.flatMap((group) =>
    group["service-classes"]
      .filter(({ metrics }) => metrics["goal-judged"] === 1 || metrics["velocity"] !== null)
      .map(({ name, metrics }) => ({
        group: group.name,
        groupId: group["object-id"],
        name,
        alone: group["service-classes"].length === 1,
        velocity: metrics["velocity"] ?? null,
        goal: metrics["goal-judged"] === 1 ? goalOf(metrics) : null,
        judged: metrics["goal-judged"] === 1,
        met: metrics["goal-met"] === 1,
      })),
  );
}

/** Those of them that have a goal. */
export function goalsOf(groups: readonly GroupMetrics[]): ClassGoal[] {
  return classesOf(groups).filter((one) => one.judged);
}

/** The goal in percent: PI = goal / velocity. null: nobody is busy. */
function goalOf(metrics: GroupMetrics["metrics"]): number | null {
  const velocity = metrics["velocity"];
  const index = metrics["performance-index"];
  return velocity && index ? Math.round(index * velocity) : null;
}

const MOST_NAMED = 3;

/** The first line of the overview: whether the goals are met, and if not, which ones are missed and by how much. */
export function goalSentence(goals: readonly ClassGoal[]): string {
  if (goals.length === 0) return t("There are no goals yet.");
  const missed = goals.filter((one) => !one.met);
  if (missed.length === 0) return goals.length === 2 ? t("Both goals are met.") : plural("The one goal is met.", "All {n} goals are met.", goals.length);
  const named = missed.slice(0, MOST_NAMED).map((one) => {
    const said = { name: one.name, group: one.group, velocity: percent(one.velocity), goal: percent(one.goal) };
    if (one.goal === null) return one.alone ? one.group : t("{name} ({group})", said);
    return one.alone ? t("{group}, {velocity} of {goal}", said) : t("{name} ({group}), {velocity} of {goal}", said);
  });
  if (missed.length > MOST_NAMED) named.push(plural("{n} other", "{n} others", missed.length - MOST_NAMED));
  return plural("{missed} of {n} goal is missed: {names}.", "{missed} of {n} goals are missed: {names}.", goals.length, {
    missed: missed.length,
    names: list(named),
  });
}

/** How busy the host is. */
export function hostSentence(host: HostMetrics): string {
  const busy = host.metrics["cpu-utilization"];
  return busy === null || busy === undefined ? "" : t("The host is {busy}\u00a0% busy.", { busy: percent(busy) });
}

/** Servers that miss a goal though their service class meets its own: others of the class make up for them, or theirs is temporary. */
export function serverSentence(host: HostMetrics, goals: readonly ClassGoal[]): string {
  const all = host.metrics["goals"] ?? 0;
  const missed = all - (host.metrics["goals-met"] ?? 0);
  if (missed <= 0 || goals.some((one) => !one.met)) return "";
  return plural("One server misses a goal of its own.", "{n} servers miss goals of their own.", missed);
}

/**
 * A schedule as a week of minutes, and back: which policy holds when, and the entries that say so.
 *
 * Minutes are those of the host's wall clock, 0 is Monday 00:00. `null` is what `otherwise` says.
 */

import type { ScheduleEntry } from "../api/types";
import { DAYS, type Day } from "./words";

export const DAY = 1440;
export const WEEK = 7 * DAY;

/** The policy of each minute of the week; null: none of the entries holds. */
export type Week = (string | null)[];

/** A stretch of the week with one policy. */
export interface Run {
  policy: string;
  from: number;
  to: number;
}

export function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

export function timeOf(minute: number): string {
  const within = ((minute % DAY) + DAY) % DAY;
  return `${String(Math.floor(within / 60)).padStart(2, "0")}:${String(within % 60).padStart(2, "0")}`;
}

/** The first entry that holds wins; one whose `to` is not after its `from` ends on the next day. */
export function weekOf(schedule: readonly ScheduleEntry[]): Week {
  const week: Week = new Array<string | null>(WEEK).fill(null);
  for (const entry of [...schedule].reverse()) {
    const from = minuteOf(entry.from);
    const length = (minuteOf(entry.to) - from + DAY - 1) % DAY + 1;
    for (const day of entry.days) {
      const begin = DAYS.indexOf(day) * DAY + from;
      for (let at = begin; at < begin + length; at++) week[at % WEEK] = entry.policy;
    }
  }
  return week;
}

/** Stretches within one day: `from` and `to` are minutes of the day. */
export function runsOf(week: Week, day: number): Run[] {
  return stretches(week, day).filter((one): one is Run => one.policy !== null);
}

/** Stretches of a day in which no entry holds. */
export function gapsOf(week: Week, day: number): Run[] {
  return stretches(week, day).filter((one) => one.policy === null).map((one) => ({ ...one, policy: "" }));
}

function stretches(week: Week, day: number): { policy: string | null; from: number; to: number }[] {
  const found: { policy: string | null; from: number; to: number }[] = [];
  for (let at = 0; at < DAY; at++) {
    const policy = week[day * DAY + at] ?? null;
    const last = found.at(-1);
    if (last && last.policy === policy) last.to = at + 1;
    else found.push({ policy, from: at, to: at + 1 });
  }
  return found;
}

/** The fewest entries that this finds for a week; none overlaps another, so their order means nothing. */
export function entriesOf(week: Week): ScheduleEntry[] {
  const days = DAYS.map((_, day) => runsOf(week, day));
  const entries = new Map<string, ScheduleEntry>();
  const add = (day: number, policy: string, from: number, to: number) => {
    const key = `${policy}\n${from}\n${to}`;
    const entry = entries.get(key) ?? { policy, days: [] as Day[], from: timeOf(from), to: timeOf(to) };
    entry.days.push(DAYS[day]!);
    entries.set(key, entry);
  };
  const joined = new Set<Run>();
  const follower = (day: number, run: Run): Run | undefined => {
    const next = days[(day + 1) % 7]![0];
    const fits = run.to === DAY && run.from > 0 && next?.from === 0 && next.policy === run.policy && next.to <= run.from;
    return fits ? next : undefined;
  };
  days.forEach((runs, day) => runs.forEach((run) => {
    const next = follower(day, run);
    if (next) joined.add(next);
  }));
  days.forEach((runs, day) => runs.forEach((run) => {
    if (!joined.has(run)) add(day, run.policy, run.from, follower(day, run)?.to ?? run.to);
  }));
  const found = [...entries.values()];
  for (const entry of found) entry.days.sort((one, other) => DAYS.indexOf(one) - DAYS.indexOf(other));
  return found.sort((one, other) => DAYS.indexOf(one.days[0]!) - DAYS.indexOf(other.days[0]!) || (one.from < other.from ? -1 : 1));
}

/** The week with a policy (null: none) put in a block of days and minutes of the day. */
export function painted(week: Week, days: [number, number], minutes: [number, number], policy: string | null): Week {
  const next = [...week];
  for (let day = days[0]; day <= days[1]; day++) next.fill(policy, day * DAY + minutes[0], day * DAY + minutes[1]);
  return next;
}

/** The minute of the week that it is now where clocks are so many minutes ahead of UTC. */
export function minuteNow(offset: number, now = Date.now()): number {
  const local = new Date(now + 60_000 * offset);
  return ((local.getUTCDay() + 6) % 7) * DAY + local.getUTCHours() * 60 + local.getUTCMinutes();
}

/** The next minute of the week in which another policy holds than in this one; null: it is always the same. */
export function nextChange(week: Week, from: number): number | null {
  for (let step = 1; step < WEEK; step++) {
    const at = (from + step) % WEEK;
    if (week[at] !== week[from]) return at;
  }
  return null;
}

/** Things with a time, by the day that they were on. */

import { t, locale } from "../base/texts";

/** `things`, newest first, in groups of one day each, in the browser's time zone; a day is named as people would. */
export function byDay<T extends { time: string }>(things: readonly T[]): [day: string, things: T[]][] {
  const days: [string, T[]][] = [];
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1).toDateString();
  let last = "";
  for (const thing of things) {
    const time = new Date(thing.time);
    const day = time.toDateString();
    if (day !== last) {
      const date = time.toLocaleDateString(locale(), { dateStyle: "full" });
      const name = day === now.toDateString() ? t("Today, {date}", { date }) : day === yesterday ? t("Yesterday, {date}", { date }) : date;
      days.push([name, []]);
      last = day;
    }
    days.at(-1)![1].push(thing);
  }
  return days;
}

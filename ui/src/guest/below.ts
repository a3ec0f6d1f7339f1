/** What holds for a server where its own guest policy does not say a field: that of its service class, then of its group. */

import type { Group, GuestPolicy, Level, Levels } from "../api/types";
import { t } from "../base/texts";
import { activePolicy } from "../groups/data";
import type { Field } from "../policies/diff";
import type { Below } from "./editor";
import { FIELDS, fieldLabel, KNOWN, valueWords, type FieldName, type Names } from "./words";

const ALL: readonly FieldName[] = [...FIELDS, "start"];

/** `service`: the class that it is in; null: none. */
export function belowServer(group: Group | undefined, service: string | null, names: Names = KNOWN): Below {
  const below = belowClass(group, names);
  const found = group && activePolicy(group)?.["service-classes"].find((one) => one.name === service);
  for (const name of ALL) {
    const what = valueWords(found?.["guest-policy"], name, names);
    if (what !== null) below[name] = t("as class {name} says: {what}", { name: found!.name, what });
  }
  return below;
}

/** What holds where a class does not say a field: what its group says. */
export function belowClass(group: Group | undefined, names: Names = KNOWN): Below {
  const below: Below = {};
  for (const name of ALL) {
    const what = valueWords(group?.["guest-policy"], name, names);
    if (what !== null) below[name] = t("as group {name} says: {what}", { name: group!.name, what });
  }
  return below;
}

const OF_MEMORY: ReadonlySet<FieldName> = new Set(["memory-minimum-mib", "memory-swap-limit-mib", "huge-pages", "page-sharing"]);

/** When a change of a field comes into force; "": at once, or at once where it runs. */
function when(name: FieldName, levels: Levels | undefined): string {
  if (name === "drift" || name === "start") return "";
  const level: Level | undefined = OF_MEMORY.has(name) ? levels?.["memory-mgmt"] : levels?.["cpu-mgmt"];
  if (level !== undefined && level !== "on") return OF_MEMORY.has(name) ? t("once memory management is on") : t("once CPU management is on");
  return name === "huge-pages" || name === "page-sharing" ? t("from its next start on") : t("at once, where it runs");
}

/** What a change would make of it: fields with what holds before and after, and when. */
export function comesOfIt(before: GuestPolicy, after: GuestPolicy, below: Below, levels: Levels | undefined, names: Names = KNOWN): Field[] {
  return ALL.flatMap((name) => {
    const otherwise = below[name] ?? t("as the host has it");
    const [one, other] = [before, after].map((policy) => valueWords(policy, name, names) ?? otherwise) as [string, string];
    if (one === other) return [];
    const told = when(name, levels);
    return [{ name: fieldLabel(name), before: one, after: told ? `${other} (${told})` : other }];
  });
}

/** A policy taken apart into what two may change without meaning the same, and put together again. */

import type { Policy, ServiceClass } from "../api/types";
import { t } from "../base/texts";
import { goalWord, importanceWord } from "../base/words";
import { policyWords } from "../guest/words";
import type { MergeField } from "../parts/merge";
import { ruleWords } from "./words";

/** `class NAME` is that class, null where it is not there; `order` are the names of all. */
export type Parts = Record<string, unknown>;

const PREFIX = "class ";

/** The parts of several versions of a policy: each names all classes that any has. */
export function partsOf(policies: readonly Policy[]): Parts[] {
  const names = new Set(policies.flatMap((one) => one["service-classes"].map((each) => each.name)));
  return policies.map((policy) => {
    const classes = policy["service-classes"];
    const parts: Parts = { name: policy.name, description: policy.description, importance: policy.importance };
    for (const name of names) parts[PREFIX + name] = classes.find((one) => one.name === name) ?? null;
    parts["order"] = classes.map((one) => one.name);
    return parts;
  });
}

/** The policy of parts that may come from two: the order is kept for the classes that are there. */
export function policyOfParts(parts: Parts): Policy {
  const order = parts["order"] as string[];
  const named = Object.keys(parts).filter((key) => key.startsWith(PREFIX) && parts[key]).map((key) => key.slice(PREFIX.length));
  const known = order.filter((name) => named.includes(name));
  const added = named.filter((name) => !order.includes(name));
  const names = [...known.slice(0, -1), ...added, ...known.slice(-1)];
  const classes = names.map((name) => parts[PREFIX + name] as ServiceClass);
  // the class without a rule takes all that are left: it stays the last one
  const ruled = classes.filter((one) => one.classification);
  return {
    name: parts["name"] as string,
    description: parts["description"] as string,
    importance: parts["importance"] as Policy["importance"],
    "service-classes": [...ruled, ...classes.filter((one) => !one.classification)],
  };
}

/** What is shown of them, and how. */
export function mergeFields(parts: Parts): MergeField<Parts>[] {
  const fields: MergeField<Parts>[] = [
    { key: "name", label: t("name"), text: (value) => String(value) },
    { key: "description", label: t("description"), text: (value) => String(value) || t("none") },
    { key: "importance", label: t("importance"), text: (value) => importanceWord(value as Policy["importance"]) },
  ];
  for (const key of Object.keys(parts).filter((one) => one.startsWith(PREFIX))) {
    fields.push({ key, label: t("class {name}", { name: key.slice(PREFIX.length) }), text: (value) => classText(value as ServiceClass | null) });
  }
  return [...fields, { key: "order", label: t("order of the classes"), text: (value) => (value as string[]).join(", ") }];
}

function classText(one: ServiceClass | null): string {
  if (!one) return t("not there");
  const parts = [goalWord(one.goal), ruleWords(one.classification)];
  if (one.importance) parts.push(t("importance {importance}", { importance: importanceWord(one.importance) }));
  const guest = policyWords(one["guest-policy"]);
  if (guest) parts.push(guest);
  if (one.description) parts.push(one.description);
  return parts.join("; ");
}

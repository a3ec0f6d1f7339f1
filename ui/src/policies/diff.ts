/** What differs between two policies, field by field, in words. */

import type { Policy, ServiceClass } from "../api/types";
import { t } from "../base/texts";
import { goalWord, importanceWord } from "../base/words";
import { FIELDS as GUEST_FIELDS, fieldLabel, valueWords } from "../guest/words";
import { ruleWords } from "./words";

/** One field; a side that has it not is null. */
export interface Field {
  name: string;
  before: string | null;
  after: string | null;
}

/** All fields that either has; of a policy that is not there, none. Two that are the same have the same words. */
export function fieldsOf(before: Policy | null, after: Policy | null): Field[] {
  const all: Field[] = [
    field(t("name"), before?.name, after?.name),
    field(t("description"), before && (before.description || t("none")), after && (after.description || t("none"))),
    field(t("importance"), before && importanceWord(before.importance), after && importanceWord(after.importance)),
    field(t("order of the classes"), before && orderOf(before), after && orderOf(after)),
  ];
  for (const name of classNames(before, after)) {
    const one = classOf(before, name);
    const other = classOf(after, name);
    const named = (what: string) => t("class {name}: {what}", { name, what });
    all.push(field(named(t("goal")), one && goalWord(one.goal), other && goalWord(other.goal)));
    all.push(field(named(t("importance")), one && own(one), other && own(other)));
    all.push(field(named(t("rule")), one && ruleWords(one.classification), other && ruleWords(other.classification)));
    for (const guest of [...GUEST_FIELDS, "start"] as const) {
      const [was, is] = [one, other].map((each) => each && (valueWords(each["guest-policy"], guest) ?? t("not said")));
      if (one?.["guest-policy"]?.[guest] !== undefined || other?.["guest-policy"]?.[guest] !== undefined) all.push(field(named(fieldLabel(guest)), was, is));
    }
    if (one?.description || other?.description) {
      all.push(field(named(t("description")), one && (one.description || t("none")), other && (other.description || t("none"))));
    }
  }
  return all;
}

/** Only what differs. */
export function differences(before: Policy | null, after: Policy | null): Field[] {
  return fieldsOf(before, after).filter((one) => one.before !== one.after);
}

function field(name: string, before: string | null | undefined, after: string | null | undefined): Field {
  return { name, before: before ?? null, after: after ?? null };
}

function own(one: ServiceClass): string {
  return one.importance ? importanceWord(one.importance) : t("that of the policy");
}

function orderOf(policy: Policy): string {
  return policy["service-classes"].map((one) => one.name).join(", ");
}

function classNames(...policies: (Policy | null)[]): string[] {
  return [...new Set(policies.flatMap((policy) => policy?.["service-classes"].map((one) => one.name) ?? []))];
}

function classOf(policy: Policy | null, name: string): ServiceClass | undefined {
  return policy?.["service-classes"].find((one) => one.name === name);
}

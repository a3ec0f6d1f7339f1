/** The fields of a group that two can change at once, as the question about them tells them. */

import type { Policy } from "../api/types";
import { html, type TemplateResult } from "../base/element";
import { NONE } from "../base/format";
import { t } from "../base/texts";
import type { MergeField } from "../parts/merge";
import type { GroupFields } from "./form";
import { sentence } from "./policy-choice";

type Value = GroupFields[keyof GroupFields];

const text = (value: Value): string => (typeof value === "string" && value ? value : NONE);

function policies(value: Value): TemplateResult | string {
  const all = value as readonly Policy[];
  if (all.length === 0) return NONE;
  return html`${all.map((one) => html`<div><strong>${one.name}</strong>: ${sentence(one)}</div>`)}`;
}

export const MERGE_FIELDS: readonly MergeField<GroupFields>[] = [
  { key: "name", get label() { return t("Name"); }, text },
  { key: "description", get label() { return t("Description"); }, text },
  { key: "active", get label() { return t("Active policy"); }, text },
  { key: "policies", get label() { return t("Policies"); }, text: policies },
];

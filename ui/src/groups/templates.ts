/** Policies to begin with: what most applications want, in one service class that takes all servers of the group. */

import type { Importance, Policy, ServiceClass } from "../api/types";
import { later, t } from "../base/texts";
import { freeName } from "../policies/model";

export interface Template {
  key: string;
  label: string;
  /** What it does, in a sentence. */
  does: string;
  importance: Importance;
  goal: ServiceClass["goal"];
}

export const TEMPLATES: readonly Template[] = [
  {
    key: "database",
    label: later("Important database"),
    does: later("Served first, and seldom waits for a CPU: what is less important gives way."),
    importance: "high",
    goal: { type: "velocity", velocity: "fast" },
  },
  {
    key: "web",
    label: later("Web front"),
    does: later("As important as a database, but may wait as long as it runs."),
    importance: "high",
    goal: { type: "velocity", velocity: "moderate" },
  },
  {
    key: "batch",
    label: later("Batch"),
    does: later("Has no goal and little importance: gets what is left, and gives way first but for what is lowest."),
    importance: "low",
    goal: { type: "discretionary" },
  },
  {
    key: "rest",
    label: later("Everything else"),
    does: later("Has no goal and the lowest importance: gets what nobody else needs."),
    importance: "lowest",
    goal: { type: "discretionary" },
  },
];

/** A policy made from a template, with a name that none of `others` has. */
export function policyFrom(template: Template, others: readonly Policy[]): Policy {
  return {
    name: freeName(t(template.label), others.map((one) => one.name)),
    description: "",
    importance: template.importance,
    "service-classes": [{ name: t("all"), goal: template.goal, classification: null, importance: null, description: "" }],
  };
}

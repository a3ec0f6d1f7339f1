/** Changes of a policy or a schedule that are not applied yet: they survive a reload. */

import type { Policy, ScheduleEntry } from "../api/types";
import { draft, keepDraft } from "../base/preferences";

/** A policy as it is being edited. */
export interface PolicyDraft {
  policy: Policy;
  /** What it was when it was begun; null: it is a new one. */
  base: Policy | null;
  /** The tag of that. */
  etag: string | null;
}

export interface Plan {
  schedule: ScheduleEntry[];
  otherwise: string | null;
}

export interface ScheduleDraft {
  plan: Plan;
  base: Plan;
  etag: string | null;
}

/** `name`: of the policy as the server has it; "": of a new one. */
const policyKey = (group: string, name: string): string => `policy-${group}-${name}`;
const scheduleKey = (group: string): string => `schedule-${group}`;

export const policyDraft = (group: string, name: string): PolicyDraft | null => draft<PolicyDraft>(policyKey(group, name));

export function keepPolicyDraft(group: string, name: string, value: PolicyDraft | null): void {
  keepDraft(policyKey(group, name), value);
}

export const scheduleDraft = (group: string): ScheduleDraft | null => draft<ScheduleDraft>(scheduleKey(group));

export function keepScheduleDraft(group: string, value: ScheduleDraft | null): void {
  keepDraft(scheduleKey(group), value);
}

/** What is typed in the dialog of a group, how it is kept until it is saved, and what of it differs from what is there. */

import type { Group, GroupUpdate, GuestPolicy, Policy } from "../api/types";
import { idOf } from "../api/uris";
import { draft, keepDraft } from "../base/preferences";
import { same } from "../parts/merge";
import type { PolicyChoice } from "./policy-choice";

/** All fields of the form. */
export interface GroupForm extends PolicyChoice {
  name: string;
  description: string;
  /** UUIDs of all servers that it is to have. */
  servers: readonly string[];
  /** Whether servers may be taken from other groups than `default`. */
  move: boolean;
  /** Only of a copy: a schedule that comes with its policies. */
  schedule?: Group["schedule"];
  otherwise?: Group["otherwise"];
  /** Only of a copy: the guest policy of the group that it is a copy of. */
  guest?: GuestPolicy;
}

/** A form that was begun: which group it is for, what that was then, and what has been typed. */
export interface GroupDraft {
  id: string; // "": a new one; `copyOf` of a group: a new one that begins as that one is
  base: Group | null;
  etag: string | null;
  form: GroupForm;
}

/** The fields that two can change at once, and that are saved by one write. */
export interface GroupFields {
  name: string;
  description: string;
  active: string | null;
  policies: readonly Policy[];
}

export const EMPTY: GroupForm = { name: "", description: "", servers: [], move: false, policies: [], active: null, template: "" };

export function formOf(group: Group): GroupForm {
  return {
    ...EMPTY,
    name: group.name,
    description: group.description,
    servers: group["virtual-servers"].map(idOf),
    policies: group["perf-policies"],
    active: group["active-policy"],
  };
}

export function fieldsOf(group: Group): GroupFields {
  return {
    name: group.name,
    description: group.description,
    active: group["active-policy"],
    policies: group["perf-policies"],
  };
}

export function fieldsTyped(form: GroupForm): GroupFields {
  return { name: form.name.trim(), description: form.description.trim(), active: form.active, policies: form.policies };
}

/** What a group is to be told to become what the form says; null: nothing. */
export function updateOf(group: Group, form: GroupForm): GroupUpdate | null {
  const [now, wanted] = [fieldsOf(group), fieldsTyped(form)];
  const update: GroupUpdate = {};
  if (wanted.name !== now.name) update.name = wanted.name;
  if (wanted.description !== now.description) update.description = wanted.description;
  if (!same(wanted.policies, now.policies)) update["perf-policies"] = [...wanted.policies];
  if (wanted.active !== now.active || update["perf-policies"]) update["active-policy"] = wanted.active;
  return Object.keys(update).length > 0 ? update : null;
}

/** Servers that are to come in, and to go out. */
export function membersOf(group: Group, form: GroupForm): { added: string[]; removed: string[] } {
  const now = group["virtual-servers"].map(idOf);
  return {
    added: form.servers.filter((id) => !now.includes(id)),
    removed: now.filter((id) => !form.servers.includes(id)),
  };
}

/** What a copy of a group is kept as until it is created: beside a new group, and beside changes of that one. */
export const copyOf = (id: string): string => `copy-of-${id}`;

const key = (id: string): string => `group-${id || "new"}`;

/** What was typed for a group and not saved. */
export const draftOf = (id: string): GroupDraft | null => draft<GroupDraft>(key(id));
export const keep = (one: GroupDraft): void => keepDraft(key(one.id), one);
export const forget = (id: string): void => keepDraft(key(id), null);

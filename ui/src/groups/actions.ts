/** What can be done with a group besides editing it. */

import type { Group, GroupSummary } from "../api/types";
import { app } from "../base/app";
import { complain } from "../base/notices";
import { plural, t } from "../base/texts";
import type { Action } from "../parts/menu";
import type { Question } from "./ask";
import { groupPath, type Member } from "./data";
import { copyOf, EMPTY, formOf, type GroupForm } from "./form";
import { moveServers } from "./moving";
import { activate, download } from "../policies/writes";
import { sentence } from "./policy-choice";
import type { Part } from "./dialog";

/** What a page offers to those actions. */
export interface Hands {
  edit: (id: string, first: Part, template?: string) => void;
  create: (form: GroupForm, as: string) => void;
  ask: (question: Question) => void;
  delete: (group: GroupSummary) => void;
  policies: (id: string) => void;
  guest: (group: GroupSummary) => void;
  power: (group: GroupSummary, what: "start" | "stop") => void;
}

/** The actions of a group, for who may change it. The page's hands are asked for only when one is chosen: a page that is drawn for the first time has none yet. */
export function groupActions(group: GroupSummary, hands: () => Hands): Action[] {
  const id = group["object-id"];
  const actions: Action[] = [
    { label: t("Edit…"), run: () => hands().edit(id, "name") },
    ...(group["is-default"] ? [] : [{ label: t("Servers…"), run: () => hands().edit(id, "servers") }]),
    { label: t("Activate another policy…"), run: () => void askActive(id, hands()) },
    { label: t("Policies"), run: () => hands().policies(id) },
    { label: t("Change guest policy…"), run: () => hands().guest(group) },
    ...(group["virtual-server-count"] > 0 ? [{ label: t("Start group"), run: () => hands().power(group, "start") }] : []),
    { label: t("Export as JSON"), run: () => void download({ group }, "json") },
    { label: t("Export as XML"), run: () => void download({ group }, "xml") },
    { label: t("Duplicate…"), run: () => void duplicate(group, hands()) },
  ];
  if (group["virtual-server-count"] > 0) actions.push({ label: t("Stop group…"), danger: true, run: () => hands().power(group, "stop") });
  if (!group["is-default"]) actions.push({ label: deletion(group), danger: true, run: () => hands().delete(group) });
  return actions;
}

function deletion(group: GroupSummary): string {
  const n = group["virtual-server-count"];
  if (n === 0) return t("Delete group {name}", { name: group.name });
  return plural("Delete group {name}; its server goes to default", "Delete group {name}; its {n} servers go to default", n, { name: group.name });
}

async function askActive(id: string, hands: Hands): Promise<void> {
  try {
    const { content: group } = await app.client.get<Group>(groupPath(id));
    const options = group["perf-policies"].map((one) => ({ key: `own:${one.name}`, label: one.name, help: sentence(one) }));
    hands.ask({
      heading: t("Active policy of {name}", { name: group.name }),
      action: t("Activate"),
      options: [...options, { key: "none", label: t("None"), help: t("The group is unmanaged: its servers keep their shares.") }],
      chosen: group["active-policy"] === null ? "none" : `own:${group["active-policy"]}`,
      run: (key) => activate(group, key === "none" ? null : key.slice("own:".length)),
    });
  } catch (error) {
    complain(t("The policies cannot be read."), error);
  }
}

/** Asks where servers are to go. */
export function moveQuestion(servers: readonly Member[], groups: readonly GroupSummary[], now: string): Question {
  const [first] = servers;
  const heading = servers.length === 1 ? t("Move {name} to…", { name: first!.name }) : t("Move {n} servers to…", { n: servers.length });
  const options = groups
    .filter((one) => one["object-id"] !== now)
    .map((one) => ({ key: one["object-id"], label: one.name, help: one.description }));
  return {
    heading,
    action: t("Move"),
    options,
    chosen: options[0]?.key ?? "",
    run: async (key) => {
      const to = groups.find((one) => one["object-id"] === key);
      if (to) await moveServers(servers, { id: key, name: to.name });
    },
  };
}

/** Begins a copy of a group, or goes on with one that was begun. */
export async function duplicate(group: GroupSummary, hands: Hands): Promise<void> {
  try {
    const { content } = await app.client.get<Group>(groupPath(group["object-id"]));
    const { description, policies, active } = formOf(content);
    const name = t("{name} copy", { name: content.name }).slice(0, 64);
    const guest = content["guest-policy"] ? { guest: content["guest-policy"] } : {};
    hands.create({ ...EMPTY, name, description, policies, active, schedule: content.schedule, otherwise: content.otherwise, ...guest }, copyOf(group["object-id"]));
  } catch (error) {
    complain(t("The group cannot be read."), error);
  }
}

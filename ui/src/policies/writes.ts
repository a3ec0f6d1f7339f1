/** What is done with a whole policy or file: activated, deleted, given another importance, downloaded. */

import type { Group, Importance, PolicyDetail } from "../api/types";
import { app } from "../base/app";
import { saveFile } from "../base/csv";
import { complain, tell, tellUndo } from "../base/notices";
import { t } from "../base/texts";
import { importanceWord } from "../base/words";
import { groupPath, GROUPS } from "../groups/data";
import { contentOf } from "./model";

export const policyPath = (group: string, name: string): string => `${groupPath(group)}/policies/${encodeURIComponent(name)}`;

/** Makes a policy the active one of a group, unless it is; null: none, the group is unmanaged then. Errors are the caller's to show. */
export async function activate(group: Pick<Group, "object-id" | "name">, policy: string | null): Promise<void> {
  const path = groupPath(group["object-id"]);
  const { content, etag } = await app.client.get<Group>(path);
  const before = content["active-policy"];
  if (policy === before) return;
  const answer = await app.client.post<Group>(path, { "active-policy": policy }, { etag });
  tellUndo(activeWords(group.name, policy), async () => {
    // not over what somebody else did since
    await app.client.post<Group>(path, { "active-policy": before }, { etag: answer.etag });
    tell(activeWords(group.name, before));
  });
}

function activeWords(group: string, name: string | null): string {
  return name
    ? t("Policy {name} is active in {group} now.", { name, group })
    : t("{group} has no active policy now; its servers keep their shares.", { group });
}

/** Deletes a policy; it can be brought back as it was, active if it was. Whether it was deleted. */
export async function remove(group: Group, name: string): Promise<boolean> {
  const id = group["object-id"];
  const path = policyPath(id, name);
  try {
    const { content, etag } = await app.client.get<PolicyDetail>(path);
    await app.client.delete(path, { etag });
    tell(t("Policy {name} of {group} was deleted.", { name, group: group.name }), { label: t("Undo"), run: () => void bringBack(id, content) });
    return true;
  } catch (error) {
    complain(t("Policy {name} was not deleted.", { name }), error);
    return false;
  }
}

async function bringBack(group: string, policy: PolicyDetail): Promise<void> {
  const { name } = policy;
  try {
    await app.client.post(`${groupPath(group)}/policies`, contentOf(policy));
    if (!policy.active) return;
    const now = await app.client.get<Group>(groupPath(group));
    // what somebody activated meanwhile stays
    if (now.content["active-policy"] === null) await app.client.post(groupPath(group), { "active-policy": name }, { etag: now.etag });
  } catch (error) {
    complain(t("Policy {name} was not brought back.", { name }), error);
  }
}

/** Gives the active policy of a group another importance. */
export async function setImportance(group: Group, importance: Importance): Promise<boolean> {
  const name = group["active-policy"]!;
  const path = policyPath(group["object-id"], name);
  try {
    const now = await app.client.get<PolicyDetail>(path);
    const before = now.content.importance;
    const answer = await app.client.post<PolicyDetail>(path, { importance }, { etag: now.etag });
    const words = { group: group.name, importance: importanceWord(importance), policy: name };
    tellUndo(t("{group} (policy {policy}) has importance {importance} now.", words), async () => {
      await app.client.post(path, { importance: before }, { etag: answer.etag });
    });
    return true;
  } catch (error) {
    complain(t("The importance of {group} was not changed.", { group: group.name }), error);
    return false;
  }
}

export type Format = "json" | "xml";

/** What is exported: all groups, one (`group`), or one policy of it. */
export interface Export {
  group?: Pick<Group, "object-id" | "name">;
  policy?: string;
}

/** Reads a policy file from the server and gives it to the browser to be kept. */
export async function download(what: Export, format: Format): Promise<void> {
  const path = what.group ? groupPath(what.group["object-id"]) : GROUPS;
  const query = new URLSearchParams({ format, ...(what.policy ? { policy: what.policy } : {}) });
  try {
    const headers = { Accept: format === "json" ? "application/json" : "application/xml" };
    const { content } = await app.client.get<string>(`${path}/export?${query}`, { text: true, headers });
    const name = [what.group?.name ?? "hpm-policies", what.policy].filter(Boolean).join(" ");
    saveFile(`${name.replace(/[\\/:*?"<>|]/g, "_")}.${format}`, content, headers.Accept);
  } catch (error) {
    complain(t("Nothing was exported."), error);
  }
}

/** Servers from one group to another: by dragging, by a menu, and back again. */

import { app } from "../base/app";
import { complain, tell, tellUndo } from "../base/notices";
import { plural, t } from "../base/texts";
import { DEFAULT, groupPath, type Member } from "./data";

const TYPE = "application/x-hpm-servers";

/** Begins to drag servers. */
export function drag(event: DragEvent, servers: readonly Member[]): void {
  if (!event.dataTransfer) return;
  event.dataTransfer.setData(TYPE, JSON.stringify(servers));
  event.dataTransfer.setData("text/plain", servers.map((one) => one.name).join(", "));
  event.dataTransfer.effectAllowed = "move";
}

/** Whether servers are what is dragged; where they are, the place says that it takes them. */
export function takes(event: DragEvent): boolean {
  if (!event.dataTransfer?.types.includes(TYPE)) return false;
  event.preventDefault();
  event.dataTransfer.dropEffect = "move";
  return true;
}

/** The servers that were dropped; none, if it was something else. */
export function dropped(event: DragEvent): Member[] {
  const text = event.dataTransfer?.getData(TYPE);
  if (!text) return [];
  event.preventDefault();
  return JSON.parse(text) as Member[];
}

/** Puts servers in a group, and offers to undo it. Says what could not be done; true: it was. */
export async function moveServers(servers: readonly Member[], to: { id: string; name: string }): Promise<boolean> {
  const moved = servers.filter((one) => one.group !== to.id);
  const [first] = moved;
  if (!first) return false;
  try {
    await put(moved, to.id, moved.map((one) => one.group));
  } catch (error) {
    complain(plural("{n} server was not moved.", "{n} servers were not moved.", moved.length), error);
    return false;
  }
  const text = moved.length === 1
    ? t("{server} is in {group} now.", { server: first.name, group: to.name })
    : plural("{n} server is in {group} now.", "{n} servers are in {group} now.", moved.length, { group: to.name });
  tellUndo(text, () => moveBack(moved, to));
  return true;
}

async function moveBack(moved: readonly Member[], to: { id: string }): Promise<void> {
  for (const group of new Set(moved.map((one) => one.group))) {
    await put(moved.filter((one) => one.group === group), group, [to.id]);
  }
  tell(t("Undone: they are where they were."));
}

/** `from`: the groups that the user sees them in; out of one into which somebody else put them meanwhile they are not taken. */
async function put(servers: readonly Member[], group: string, from: readonly string[]): Promise<void> {
  const move = from.some((id) => id !== DEFAULT);
  const body = { action: "add-virtual-servers", "virtual-servers": servers.map((one) => one.id), move };
  await app.client.post(`${groupPath(group)}/actions`, body);
  // what was done here is seen at once, and not when hpm tells of it
  app.live.dispatchEvent(new CustomEvent("happened", { detail: { kind: "resync", data: {} } }));
}

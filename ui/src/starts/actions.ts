/** What starts and stops servers and groups, for their menus. */

import type { Row } from "../api/mirror";
import type { Group, GroupSummary, Server } from "../api/types";
import { app } from "../base/app";
import { complain } from "../base/notices";
import { idOf } from "../api/uris";
import { plural, t } from "../base/texts";
import { groupPath } from "../groups/data";
import type { Action } from "../parts/menu";
import type { Powered, PowerPart } from "./power";

/** A server, to be started or stopped. */
function poweredServer({ id, name }: { id: string; name: string }): Powered {
  return { path: `/virtual-servers/${id}/actions`, kind: "server", name, servers: [id] };
}

/** Some servers together, to be started or stopped by one job. */
export function poweredServers(rows: readonly Row[]): Powered {
  const { length } = rows;
  if (length === 1) return poweredServer({ id: rows[0]!.uuid, name: rows[0]!.name });
  return {
    path: "/start-jobs",
    kind: "servers",
    name: plural("{n} virtual server", "{n} virtual servers", length),
    servers: rows.map((row) => row.uuid),
    running: rows.filter(({ state }) => state === "running" || state === "paused").map((row) => row.name),
  };
}

/** The entries for one server, as it runs or not. */
export function powerActions(server: Server, power: () => PowerPart): { start: Action[]; stop: Action[] } {
  const what = poweredServer({ id: server["object-id"], name: server.name });
  const { status } = server;
  return {
    start: status === "running" ? [] : [{ label: t("Start"), run: () => void power().start(what) }],
    stop: status === "running" || status === "paused" ? [{ label: t("Stop…"), danger: true, run: () => void power().stop(what) }] : [],
  };
}

/** Does something with the servers that a group has now. */
export async function withGroup(group: GroupSummary, run: (what: Powered) => Promise<void>): Promise<void> {
  const path = groupPath(group["object-id"]);
  try {
    const { content } = await app.client.get<Group>(path);
    await run({ path: `${path}/actions`, kind: "group", name: group.name, servers: content["virtual-servers"].map(idOf) });
  } catch (error) {
    complain(t("The group cannot be read."), error);
  }
}

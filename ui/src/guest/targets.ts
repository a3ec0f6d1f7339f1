/** Whose guest policy can be changed by the dialog: a server's own, and a group's. */

import type { Group, GuestPolicy } from "../api/types";
import { app } from "../base/app";
import { t } from "../base/texts";
import { groupPath } from "../groups/data";
import type { Target } from "./dialog";
import type { Below, Extent } from "./editor";
import { FIELDS, type FieldName } from "./words";

const NAMES: Record<Extent, readonly FieldName[]> = { all: [...FIELDS, "start"], guest: FIELDS, start: ["start"] };

/** A server's own policy; of `extent` alone, the rest stays as it is. */
export function ofServer(server: { id: string; name: string }, extent: Extent, below: Below, after: () => void): Target {
  const path = `/virtual-servers/${server.id}/guest-policy`;
  return {
    key: `${extent}-${server.id}`,
    name: server.name,
    heading: extent === "start" ? t("Start and stop of {name}", { name: server.name }) : t("Guest policy of {name}", { name: server.name }),
    extent,
    below,
    prefix: "",
    after,
    load: async () => {
      const { content, etag } = await app.client.get<GuestPolicy>(path);
      return { policy: content, etag };
    },
    send: async (policy, etag) => {
      const update = Object.fromEntries(NAMES[extent].map((name) => [name, policy[name] ?? null]));
      return (await app.client.post<GuestPolicy>(path, update, { etag })).etag;
    },
  };
}

/** A group's policy: for all of its servers that neither themselves nor by their class say otherwise. */
export function ofGroup(group: { id: string; name: string }, after: () => void): Target {
  const path = groupPath(group.id);
  return {
    key: `group-${group.id}`,
    name: group.name,
    heading: t("Guest policy of group {name}", { name: group.name }),
    extent: "all",
    below: {},
    prefix: "guest-policy",
    after,
    load: async () => {
      const { content, etag } = await app.client.get<Group>(path);
      return { policy: content["guest-policy"] ?? {}, etag };
    },
    send: async (policy, etag) => (await app.client.post<Group>(path, { "guest-policy": policy }, { etag })).etag,
  };
}

/** What an administrator can do with a virtual server without being asked more: done at once, and taken back at once. */

import { ApiError } from "../api/client";
import type { Server, ServerUpdate } from "../api/types";
import { app } from "../base/app";
import { complain, tell } from "../base/notices";
import { t } from "../base/texts";
import type { Saved } from "./dialog";

export interface Deed {
  change: Partial<ServerUpdate>;
  done: string;
  notDone: string;
  /** What takes it back; left out: nothing does. */
  back?: Partial<ServerUpdate>;
}

/** Does it, unless somebody else changed the server since it had this `etag`. `after` is called when it is to be read anew. */
export async function act(server: Server, etag: string | null, deed: Deed, after: () => void): Promise<void> {
  const path = `/virtual-servers/${server["object-id"]}`;
  try {
    const answer = await app.client.post<Server>(path, deed.change, { etag });
    const { back } = deed;
    tell(deed.done, back && { label: t("Undo"), run: () => void act(server, answer.etag, undo(back), after) });
  } catch (error) {
    const overtaken = error instanceof ApiError && error.status === 412;
    complain(deed.notDone, overtaken ? new Error(t("Somebody else changed {name} meanwhile; the page shows what is there now.", { name: server.name })) : error);
  }
  after();
}

const undo = (change: Partial<ServerUpdate>): Deed => ({ change, done: t("Taken back."), notDone: t("Not taken back.") });

/** Says that a dialog has saved something, and how to take it back. */
export function tellSaved({ answer: { content: server, etag }, back }: Saved, after: () => void): void {
  tell(t("{name} is changed.", { name: server.name }), { label: t("Undo"), run: () => void act(server, etag, undo(back), after) });
}

export function exclude(server: Server): Deed {
  return {
    change: { excluded: true },
    back: { excluded: false },
    done: t("{name} is excluded: hpm leaves it alone.", { name: server.name }),
    notDone: t("{name} was not excluded.", { name: server.name }),
  };
}

export function manageAgain(server: Server): Deed {
  return {
    change: { excluded: false },
    back: { excluded: true },
    done: t("{name} is managed again.", { name: server.name }),
    notDone: t("{name} is not managed again.", { name: server.name }),
  };
}

export function release(server: Server): Deed {
  return {
    change: { release: true },
    done: t("{name} is released: hpm manages it again.", { name: server.name }),
    notDone: t("{name} was not released.", { name: server.name }),
  };
}

export function endGoal(server: Server): Deed {
  const goal = server["temporary-goal"];
  return {
    change: { "temporary-goal": null },
    ...(goal ? { back: { "temporary-goal": goal } } : {}),
    done: t("The temporary goal of {name} has ended.", { name: server.name }),
    notDone: t("The temporary goal of {name} was not ended.", { name: server.name }),
  };
}

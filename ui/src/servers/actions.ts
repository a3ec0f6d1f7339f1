/** What an administrator can do to one virtual server of the list: the same as on its own page. */

import { mirror, type Row } from "../api/mirror";
import type { Server } from "../api/types";
import { app } from "../base/app";
import { complain } from "../base/notices";
import { t } from "../base/texts";
import type { Action } from "../parts/menu";
import { act, endGoal, exclude, manageAgain, release, type Deed } from "../server/actions";
import type { ServerDialog } from "../server/dialog";
import { powerActions } from "../starts/actions";
import type { PowerPart } from "../starts/power";

/** Dialogs that stand on the page. */
export interface Dialogs {
  move: ServerDialog;
  limits: ServerDialog;
  goal: ServerDialog;
  power: PowerPart;
}

/** None where it cannot be found out what is known of the server: then it could not be changed either. */
export async function actionsOf(row: Row, dialogs: () => Dialogs): Promise<Action[]> {
  try {
    const { content, etag } = await app.client.get<Server>(`/virtual-servers/${row.uuid}`);
    return actions(content, etag, dialogs());
  } catch (error) {
    complain(t("{name} cannot be read.", { name: row.name }), error);
    return [];
  }
}

function actions(server: Server, etag: string | null, { move, limits, goal, power }: Dialogs): Action[] {
  const open = (dialog: ServerDialog) => () => {
    dialog.open(server, etag).catch((error: unknown) => complain(t("The dialog cannot be opened."), error));
  };
  const doing = (deed: Deed) => () => void act(server, etag, deed, () => void mirror.ask());
  const { start, stop } = powerActions(server, () => power);
  return [
    ...start,
    { label: t("Move to another group…"), run: open(move) },
    { label: t("Change limits…"), run: open(limits) },
    { label: server["temporary-goal"] ? t("Change temporary goal…") : t("Set a temporary goal…"), run: open(goal) },
    ...(server["temporary-goal"] ? [{ label: t("End temporary goal"), run: doing(endGoal(server)) }] : []),
    ...(server["management-reason"] === "changed-by-administrator" ? [{ label: t("Release"), run: doing(release(server)) }] : []),
    server.excluded
      ? { label: t("Manage again"), run: doing(manageAgain(server)) }
      : { label: t("Exclude from management"), run: doing(exclude(server)) },
    ...stop,
  ];
}

/** What an administrator can do to one virtual server. */

import { app } from "../../base/app";
import { mirror, type Row } from "../../api/mirror";
import type { Server, ServerUpdate } from "../../api/types";
import { complain, tell } from "../../base/notices";
import { t } from "../../base/texts";
import type { Action } from "../../parts/menu";
import { update } from "./bulk";

/** Ms that the menu waits for what is known of the server; then it has what is always possible. */
const PATIENCE = 700;

interface Ways {
  /** Asks which group it is to be in. */
  place: () => void;
  /** Goes to its page, where that is done. */
  go: (what: string) => void;
}

export async function actionsOf(row: Row, ways: Ways): Promise<Action[]> {
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE));
  const asked = app.client.get<Server>(`/virtual-servers/${row.uuid}`).then(
    ({ content }) => content,
    () => null, // the action itself will say why
  );
  const server = await Promise.race([asked, late]);
  const actions: Action[] = [
    { label: t("Put in another group…"), run: ways.place },
    { label: t("Limits…"), run: () => ways.go("limits") },
    { label: t("Temporary goal…"), run: () => ways.go("goal") },
  ];
  const { name } = row;
  if (server?.["management-reason"] === "changed-by-administrator") {
    actions.push({
      label: t("Release: manage its shares again"),
      run: () => void change(row, { release: true }, t("{name} is managed again.", { name })),
    });
  }
  if (server?.excluded) {
    actions.push({
      label: t("Manage again"),
      run: () => void change(row, { excluded: false }, t("{name} is managed again.", { name }), { excluded: true }),
    });
  } else {
    actions.push({
      label: t("Leave alone"),
      run: () => void change(row, { excluded: true }, t("{name} is left alone.", { name }), { excluded: false }),
    });
  }
  return actions;
}

/** Does it, says so, and offers to take it back (`back`). */
async function change(row: Row, wanted: Partial<ServerUpdate>, done: string, back?: Partial<ServerUpdate>): Promise<void> {
  const { name } = row;
  try {
    await update(row, wanted);
    await mirror.ask();
    tell(done, back && { label: t("Undo"), run: () => void change(row, back, t("{name} is as it was.", { name })) });
  } catch (error) {
    complain(t("{name} is not changed.", { name }), error);
  }
}

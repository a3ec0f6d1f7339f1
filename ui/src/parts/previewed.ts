/** What the answer of a preview says of each server, in words and figures that can be shown. */

import type { GoalStatus, PreviewedServer } from "../api/types";
import { NONE } from "../base/format";
import { MET, whyLeftAlone, whyNot } from "../base/words";

/** A change of PI or shares of less than this is none that anybody would notice. */
const NOTICED = 0.05;

/** How a server would stand to its goal. */
export function statusThen(server: PreviewedServer): GoalStatus {
  if (!server.goal || leftAlone(server)) return "unmanaged";
  if (server.goal.type === "discretionary") return "discretionary";
  const index = server["pi-projected"];
  return index === null ? "idle" : index <= MET ? "met" : "missed";
}

/** Whether hpm would not touch its shares. */
export function leftAlone(server: PreviewedServer): boolean {
  return server.reason !== null && server["shares-projected"] === null;
}

/** Why its goal would be missed all the same, or why it would be left alone; empty: neither. */
export function reasonThen(server: PreviewedServer): string {
  if (server.reason === null) return "";
  return leftAlone(server) ? whyLeftAlone(server.reason) : whyNot(server.reason);
}

/** In which way a server would be worse off: it would miss its goal, be slower, or have a smaller share. */
export type Loss = "missed" | "slower" | "smaller";

/** The same for a server of another group; null: it would not lose anything that matters. */
export function lossOf(server: PreviewedServer): Loss | null {
  const before = server["performance-index"];
  const after = server["pi-projected"];
  if (server.goal?.type === "velocity") {
    if (before === null || after === null) return null; // idle: its weight costs nobody anything
    if (after > MET && after > before * (1 + NOTICED)) return before <= MET ? "missed" : "slower";
    return null;
  }
  const [now, then] = [server["cpu-shares"], server["shares-projected"]];
  return now !== null && then !== null && then < now * (1 - NOTICED) ? "smaller" : null;
}

/** The worst first; those without a PI last. */
export function worstFirst(servers: readonly PreviewedServer[]): PreviewedServer[] {
  const rank = (one: PreviewedServer) => one["pi-projected"] ?? -1;
  return [...servers].sort((one, other) => rank(other) - rank(one));
}

/** "1.42 → 0.98", or one figure where both are the same. */
export function arrow(before: string, after: string): string {
  return before === after || after === NONE ? before : `${before} → ${after}`;
}

/** Words and shapes of dependencies. */

import type { DependencyEdge, DependencyGraph, DependencyNode } from "../api/types";
import { idOf } from "../api/uris";
import { later, t } from "../base/texts";
import { runStateWord } from "../base/words";

/** How a server stands for those that need it. */
export type Standing = "ready" | "begins" | "off" | "unknown";

export function standingOf(node: DependencyNode): Standing {
  if (node.status === null) return "unknown";
  if (node.ready) return "ready";
  return node.status === "running" ? "begins" : "off";
}

/** A shape for each, so that colour is not needed to tell them apart. */
export const STANDING_SHAPES: Record<Standing, string> = { ready: "●", begins: "◐", off: "○", unknown: "?" };

export function standingWord(node: DependencyNode): string {
  const standing = standingOf(node);
  if (standing === "ready") return t("ready");
  if (standing === "begins") return t("not ready yet");
  return standing === "off" ? runStateWord(node.status!) : t("not on this host");
}

const WHEN: Record<DependencyEdge["when-it-stops"], string> = {
  stop: later("stops with it"),
  warn: later("runs on, with a warning"),
  ignore: later("runs on"),
};

/** What becomes of a server when one stops that it needs. */
export const whenItStops = (edge: DependencyEdge): string => t(WHEN[edge["when-it-stops"]]);

/** A server with what it needs, and what needs it. */
export interface Knot {
  id: string;
  node: DependencyNode;
  needs: readonly DependencyEdge[];
  neededBy: readonly DependencyEdge[];
}

export const needsId = (edge: DependencyEdge): string => idOf(edge.needs);
export const waitsId = (edge: DependencyEdge): string => idOf(edge["virtual-server"]);

export function knotsOf(graph: DependencyGraph): Map<string, Knot> {
  const knots = new Map(
    graph["virtual-servers"].map((node) => {
      const id = node["object-id"];
      return [id, { id, node, needs: [] as DependencyEdge[], neededBy: [] as DependencyEdge[] }];
    }),
  );
  for (const edge of graph.dependencies) {
    knots.get(waitsId(edge))?.needs.push(edge);
    knots.get(needsId(edge))?.neededBy.push(edge);
  }
  return knots;
}

/** Who needs servers that are to stop, and runs. */

import type { DependencyGraph } from "../api/types";
import { idOf } from "../api/uris";
import { byName } from "../groups/data";

/** Names of servers that need them: those that are stopped with them in any case, and those of which is to be said what becomes of them. */
export interface Dependants {
  stop: string[];
  warn: string[];
}

/** As hpm itself decides it when a stop is asked for. */
export function dependants(graph: DependencyGraph, servers: readonly string[]): Dependants {
  const nodes = new Map(graph["virtual-servers"].map((one) => [one["object-id"], one]));
  const needing = new Map<string, { id: string; then: string }[]>();
  for (const edge of graph.dependencies) {
    const target = idOf(edge.needs);
    needing.set(target, [...(needing.get(target) ?? []), { id: idOf(edge["virtual-server"]), then: edge["when-it-stops"] }]);
  }
  const active = (id: string) => ["running", "paused"].includes(nodes.get(id)?.status ?? "");
  const asked = new Set(servers);
  const stop = new Set<string>();
  const warn = new Set<string>();
  const left = servers.filter(active);
  while (left.length > 0) {
    for (const { id, then } of needing.get(left.pop()!) ?? []) {
      if (asked.has(id) || stop.has(id) || then === "ignore" || !active(id)) continue;
      if (then === "stop") {
        stop.add(id);
        left.push(id);
      } else warn.add(id);
    }
  }
  const names = (ids: Iterable<string>) => [...ids].map((id) => nodes.get(id)?.name ?? id).sort(byName);
  return { stop: names(stop), warn: names([...warn].filter((id) => !stop.has(id))) };
}

/** Adjustments as a file: a row for each server, with the API's words as header and times in UTC. */

import type { AdjustedServer, Adjustment } from "../api/types";
import { idOf } from "../api/uris";
import { csv, saveFile, type Cell } from "../base/csv";

const FIGURES = [
  "shares-before", "shares-after", "goal", "velocity-before", "velocity-projected", "velocity-measured",
  "cpu-before", "cpu-projected", "cpu-measured", "pi-before", "pi-projected", "pi-measured",
  "memory-before-mib", "memory-after-mib", "memory-measured-mib", "memory-used-mib",
] as const satisfies readonly (keyof AdjustedServer)[];

/** CPUs of each vCPU, with spaces between them; "any" is every CPU. */
const PINS = ["pinned-before", "pinned-after"] as const;
const TOTALS = ["total-velocity-before", "total-velocity-projected", "total-velocity-measured"] as const;

const HEADER = [
  "object-id", "time", "outcome", "resource", "cause", "reason", "detail", "interval-seconds",
  "role", "virtual-server", "name", "service-class", "importance", ...FIGURES, ...PINS, ...TOTALS,
];

export function saveAdjustments(all: readonly Adjustment[]): void {
  const rows = all.flatMap((one) => {
    const first: Cell[] = [one["object-id"], one.time, one.outcome, one.resource ?? "cpu", one.cause, one.reason, one.detail, one["interval-seconds"]];
    const line = (role: string) => (server: AdjustedServer) => [
      ...first, role, idOf(server["virtual-server"]), server.name, server["service-class"], server.importance,
      ...FIGURES.map((name) => server[name]),
      ...PINS.map((name) => server[name]?.map((cpus) => cpus || "any").join(" ") ?? null),
      ...TOTALS.map((name) => one[name]),
    ];
    const lines = [...one.receivers.map(line("receiver")), ...one.donors.map(line("donor"))];
    return lines.length > 0 ? lines : [first];
  });
  saveFile("hpm-adjustments.csv", csv([HEADER, ...rows]));
}

/** Which figures of its servers an adjustment shows: of CPU others than of memory. */

import type { AdjustedServer, Adjustment } from "../api/types";
import { isPlacement, pinsWords } from "../base/adjusted-guest";
import { cpus, fixed, index, NONE, percent } from "../base/format";
import { t } from "../base/texts";

/** One figure: what it is called within its group, and how it is written. */
interface Step {
  label: string;
  text: (server: AdjustedServer) => string;
  /** It begins a group of several. */
  first: boolean;
}

/** Figures of one thing, under one heading. */
export interface FigureGroup {
  label: string;
  steps: readonly Step[];
}

type Field = keyof AdjustedServer;

/** In the order of the columns. */
export function figuresOf(one: Adjustment): readonly FigureGroup[] {
  if (isPlacement(one)) return [pins(), ...ofCpu()];
  return (one.resource ?? "cpu") === "memory" ? ofMemory() : ofCpu();
}

/** The CPUs that vCPUs might run on, and may. */
function pins(): FigureGroup {
  const step = (label: string, field: "pinned-before" | "pinned-after", first: boolean): Step => ({ label, text: (server) => pinsWords(server[field]) || NONE, first });
  return { label: t("CPUs of vCPUs"), steps: [step(t("before"), "pinned-before", true), step(t("after"), "pinned-after", false)] };
}

function ofCpu(): readonly FigureGroup[] {
  const steps = (what: "velocity" | "cpu" | "pi"): [string, Field][] => [
    [t("before"), `${what}-before`],
    [t("projected"), `${what}-projected`],
    [t("measured"), `${what}-measured`],
  ];
  return [
    group(`${t("Goal")} %`, [["", "goal"]], percent),
    group(`${t("Velocity")} %`, steps("velocity"), percent),
    group(t("CPUs used"), steps("cpu"), cpus),
    group(t("PI"), steps("pi"), index),
    group(t("Shares"), [[t("before"), "shares-before"], [t("after"), "shares-after"]], fixed),
  ];
}

function ofMemory(): readonly FigureGroup[] {
  const steps: [string, Field][] = [
    [t("before"), "memory-before-mib"],
    [t("to be"), "memory-after-mib"],
    [t("measured"), "memory-measured-mib"],
    [t("used before"), "memory-used-mib"],
  ];
  return [group(t("Memory (MiB)"), steps, fixed)];
}

function group(label: string, steps: readonly [string, Field][], text: (value: number | null) => string): FigureGroup {
  const several = steps.length > 1;
  return {
    label,
    steps: steps.map(([name, field], at) => ({
      label: name,
      text: (server) => text((server[field] as number | null | undefined) ?? null),
      first: several && at === 0,
    })),
  };
}

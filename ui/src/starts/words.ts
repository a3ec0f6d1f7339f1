/** Start jobs in words: what one does, how far it is, how its servers stand. */

import type { GroupSummary, StartJob } from "../api/types";
import { idOf } from "../api/uris";
import { fixed } from "../base/format";
import { later, plural, t } from "../base/texts";

type Phase = StartJob["virtual-servers"][number]["phase"];

const PHASE: Record<Phase, string> = {
  waiting: later("waits"),
  starting: later("is started"),
  started: later("runs, not ready yet"),
  ready: later("ready"),
  stopping: later("is stopped"),
  stopped: later("stopped"),
  failed: later("failed"),
  cancelled: later("cancelled"),
};

/** A shape for each, so that colour is not needed to tell them apart. */
export const PHASE_SHAPES: Record<Phase, string> = {
  waiting: "◌", starting: "◐", started: "◐", ready: "●", stopping: "◐", stopped: "○", failed: "▲", cancelled: "–",
};

const STATE: Record<StartJob["state"], string> = {
  running: later("goes on"),
  done: later("done"),
  failed: later("failed"),
  cancelled: later("cancelled"),
};

export const phaseWord = (phase: Phase): string => t(PHASE[phase]);
export const jobStateWord = (state: StartJob["state"]): string => t(STATE[state]);

/** Whether nothing more becomes of a server of a job. */
export const isOver = (phase: Phase): boolean => ["ready", "stopped", "failed", "cancelled"].includes(phase);

/** The name of the group that was asked for, or its id where it is gone; null: servers were. */
export function groupOf(job: StartJob, groups: readonly GroupSummary[] | undefined): string | null {
  const uri = job["workload-resource-group"];
  if (uri === null) return null;
  return groups?.find((one) => one["object-uri"] === uri)?.name ?? idOf(uri);
}

/** What a job does, with whom; `group`: the name of the group that was asked for. */
export function jobHeading(job: StartJob, group: string | null): string {
  const asked = job["virtual-servers"].filter((one) => one.asked).map((one) => one.name);
  const what = group ?? (asked.length === 1 ? asked[0]! : plural("{n} server", "{n} servers", asked.length));
  if (job.action === "start") return t("Start of {what}", { what });
  return job.action === "stop" ? t("Stop of {what}", { what }) : t("Suspension of {what}", { what });
}

/** How far it is. */
export function jobProgress(job: StartJob): string {
  const all = job["virtual-servers"];
  const done = all.filter((one) => isOver(one.phase)).length;
  return t("{done} of {all}", { done: fixed(done), all: fixed(all.length) });
}

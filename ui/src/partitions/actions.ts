/** What an administrator can do with a partition without being asked more, and what takes it back. */

import type { Partition, PartitionList } from "../api/types";
import { app } from "../base/app";
import { complain, tellUndo } from "../base/notices";
import { t } from "../base/texts";
import type { Action } from "../parts/menu";
import { levelOf, MOST_LEVELS, PARTITIONS, partitionPath, ROOT } from "./data";
import { GROUP_NAMES } from "./parameters";

/** What the page does for an action. */
export interface Hands {
  create: (above: string) => void;
  edit: (one: Partition) => void;
  /** Something was done: all is to be read anew. */
  done: () => void;
}

const act = (one: Partition, action: "create" | "destroy" | "undefine") =>
  app.client.post<Partition>(`${partitionPath(one["object-id"])}/actions`, { action });

export function partitionActions(one: Partition, list: PartitionList, hands: Hands): Action[] {
  const { path } = one;
  const values = { path };
  const deep = levelOf(path) >= MOST_LEVELS ? { not: t("At most {n} levels are useful: each makes scheduling slower.", { n: MOST_LEVELS }) } : {};
  const below: Action = { label: t("Create a partition in it…"), run: () => hands.create(path), ...deep };
  if (path === ROOT) return [below];
  const actions: Action[] = [below];
  const tried = (notDone: string, run: () => Promise<void>) => () => void run().catch((error: unknown) => complain(notDone, error)).finally(hands.done);
  if (one.persistent) actions.push({ label: t("Change description and reserve…"), run: () => hands.edit(one) });
  if (one.state === "inactive") {
    actions.push({
      label: t("Create it now"),
      run: tried(t("{path} was not created.", values), async () => {
        await act(one, "create");
        tellUndo(t("{path} is created.", values), async () => {
          await act(one, "destroy");
          hands.done();
        });
      }),
    });
  }
  if (one.drift.length > 0) {
    actions.push({ label: t("Put into force what is configured"), run: tried(t("{path} was not changed.", values), () => enforce(one, hands)) });
  }
  if (!one.persistent && one.live) {
    actions.push({
      label: t("Define it, so that it is kept"),
      run: tried(t("{path} was not defined.", values), async () => {
        await define(one, list);
        tellUndo(t("{path} is defined.", values), async () => {
          await act(one, "undefine");
          hands.done();
        });
      }),
    });
  }
  if (one.state === "active") {
    const not = whyNotDestroyed(one, list);
    actions.push({
      label: t("Destroy {path}", values),
      danger: true,
      ...(not ? { not } : {}),
      run: tried(t("{path} was not destroyed.", values), async () => {
        await act(one, "destroy");
        tellUndo(one.persistent ? t("{path} is destroyed; its definition stays.", values) : t("{path} is destroyed.", values), async () => {
          if (one.persistent) await act(one, "create");
          else await app.client.post(PARTITIONS, { path, persistent: false, create: true, parameters: wanted(one, list) });
          hands.done();
        });
      }),
    });
  }
  if (one.persistent) {
    const not = one["workload-resource-groups"].length > 0 ? t("A group is backed by it; end that first.") : "";
    actions.push({
      label: t("Undefine {path}", values),
      danger: true,
      ...(not ? { not } : {}),
      run: tried(t("{path} was not undefined.", values), async () => {
        await act(one, "undefine");
        tellUndo(one.state === "active" ? t("{path} is undefined; it stays until it is destroyed.", values) : t("{path} is undefined, and gone.", values), async () => {
          await define(one, list);
          hands.done();
        });
      }),
    });
  }
  return actions;
}

/** Why it is not to be destroyed now; "": nothing speaks against it, as far as is known here. */
function whyNotDestroyed(one: Partition, list: PartitionList): string {
  const active = new Set(list.partitions.filter((other) => other.state === "active").map((other) => other["object-uri"]));
  if (one.children.some((uri) => active.has(uri))) return t("Partitions stand in it; destroy these first.");
  return one["virtual-servers"].length > 0 ? t("Servers stand in it; stop these first.") : "";
}

/** Defines it as it was, or as it is. */
async function define(one: Partition, list: PartitionList): Promise<void> {
  const { path, description, autostart, reserve } = one;
  const said = one.persistent ? { description, autostart, reserve } : {};
  await app.client.post(PARTITIONS, { path, persistent: true, create: false, ...said, parameters: wanted(one, list) });
}

/** Parameters that it is to have when it is made anew: those of its definition, or those in force that are its own. */
function wanted(one: Partition, list: PartitionList): unknown {
  if (one.config) return one.config;
  // the kernel tells where it may be also where only what it stands in says so
  const around = list.partitions.find((other) => other["object-uri"] === one.parent)?.effective;
  const { numa, ...own } = one.live ?? {};
  const said = Object.entries(numa ?? {}).filter(([name, value]) => value !== around?.[name as "cpus" | "mems"]);
  return { ...own, numa: Object.fromEntries(said) };
}

/** Puts what drifted into force again, as it is configured. */
async function enforce(one: Partition, hands: Hands): Promise<void> {
  const before = one.live!;
  const set = async (from: Partition["live"]) => {
    for (const group of GROUP_NAMES) {
      const names = one.drift.filter((name) => name.startsWith(`${group}.`)).map((name) => name.slice(group.length + 1));
      const values = (from?.[group] ?? {}) as Record<string, unknown>;
      if (names.length === 0) continue;
      const said = Object.fromEntries(names.map((name) => [name, values[name] ?? (name === "devices" ? [] : null)]));
      await app.client.post(`${partitionPath(one["object-id"])}/parameters/${group}?affect=live`, said);
    }
  };
  await set(one.config);
  tellUndo(t("What is configured of {path} is in force.", { path: one.path }), async () => {
    await set(before);
    hands.done();
  });
}


/** What there is to say of a virtual server now: its goal and its figures, as pairs of a word and a value. */

import type { GroupSummary, Level, PartitionList, Server } from "../api/types";
import { html, type TemplateResult } from "../base/element";
import { ago, bytes, cpus, exact, fixed, index, MIB, NONE, percent } from "../base/format";
import { link } from "../base/page";
import { t } from "../base/texts";
import { attributeWord, goalWord, importanceWord, whyMemoryLeftAlone } from "../base/words";
import { memoryBar } from "../parts/memory-bar";

type Value = TemplateResult | string;
interface Fact {
  label: string;
  value: Value;
  title?: string;
}

/** What is wanted of it, and by whom; `level`: that of CPU management, where it is known. */
export function standing(server: Server, group: GroupSummary | undefined, groupId: string, level: Level | undefined): TemplateResult {
  const waits = level === "off" || level === "advise" ? html`<br /><span class="help">${t("once CPU management is on")}</span>` : "";
  const limit = (value: number | null) => html`${cpus(value)}${value === null ? "" : waits}`;
  return facts([
    { label: t("Group"), value: html`<a href=${link("groups", groupId)}>${group?.name ?? groupId}</a>` },
    { label: t("Active policy"), value: group?.["active-policy"] ?? NONE },
    { label: t("Service class"), value: server["service-class"] ?? NONE },
    { label: t("Importance"), value: importanceWord(server.importance) },
    { label: t("Goal"), value: goalWord(server.goal) },
    { label: t("Reserve (CPUs)"), value: limit(server["cpu-reserve"]), title: t("What it is entitled to whatever the goals say.") },
    { label: t("Cap (CPUs)"), value: limit(server["cpu-cap"]), title: t("What it never exceeds.") },
  ]);
}

/** In which partition it stands, and will stand at its next start. */
export function place(server: Server, partitions: PartitionList | undefined): TemplateResult {
  const shown = (path: string) => {
    const id = partitions?.partitions.find((one) => one.path === path)?.["object-id"];
    return id ? html`<a href=${link("partitions", id)}>${path}</a>` : path;
  };
  const { partition, "partition-at-start": wanted } = server;
  const whose = server["partition-at-start-origin"] === "virtual-server" ? t("said of itself") : t("said of its group");
  return facts([
    { label: t("Partition"), value: partition ? shown(partition) : NONE, title: t("A place on the host whose limits hold for all servers in it together.") },
    ...(server.status === "running" || server.status === "paused" || wanted
      ? [{ label: t("At its next start"), value: wanted ? html`${shown(wanted)}<br /><span class="help">${whose}</span>` : t("as its definition says") }]
      : []),
  ]);
}

/** What was measured of it. */
export function figures(server: Server): TemplateResult {
  const original = server["cpu-shares-original"];
  const shares = fixed(server["cpu-shares"]);
  const changed = original !== null && original !== server["cpu-shares"];
  return facts([
    { label: t("Velocity (percent)"), value: percent(server.velocity) },
    { label: t("PI"), value: index(server["performance-index"]), title: t("Performance index: goal velocity / velocity. Up to 1.05 the goal is met.") },
    { label: t("CPU used (CPUs)"), value: cpus(server["cpu-using"]) },
    { label: t("CPU waited for (CPUs)"), value: cpus(server["cpu-delay"]) },
    { label: t("CPU shares"), value: changed ? t("{shares}, originally {original}", { shares, original: fixed(original) }) : shares },
    { label: t("vCPUs"), value: fixed(server.vcpus) },
    {
      label: t("Started"),
      value: server.started ? ago(server.started) : NONE,
      ...(server.started ? { title: exact(server.started) } : {}),
    },
  ]);
}

/** What memory it has, and how far hpm may move that. */
export function memory(server: Server): TemplateResult {
  const size = (mib: number | null | undefined) => bytes(typeof mib === "number" ? MIB * mib : null);
  const original = server["memory-original-mib"] ?? null;
  const held = server["memory-management-reason"] ?? null;
  const managed =
    server["memory-management"] === "managed"
      ? t("yes")
      : held
        ? t("no: {why}", { why: whyMemoryLeftAlone(held) })
        : server.status === "running"
          ? t("no: memory management is off")
          : NONE;
  return html`<div class="bar">
      ${memoryBar(server["memory-used-mib"] ?? null, server["memory-current-mib"] ?? null, server["memory-mib"])}
    </div>
    ${facts([
      { label: t("Has now"), value: size(server["memory-current-mib"]), title: t("What its balloon leaves it.") },
      { label: t("Uses"), value: size(server["memory-used-mib"]), title: t("What it cannot give without swapping.") },
      { label: t("Can have"), value: size(server["memory-mib"]) },
      ...(original === null ? [] : [{ label: t("Had before hpm"), value: size(original) }]),
      { label: t("Minimum"), value: size(server["memory-minimum-mib"]), title: t("What it keeps while memory is managed.") },
      { label: t("Managed"), value: managed },
    ])}`;
}

/** What rules can compare of it. */
export function attributes(server: Server): TemplateResult {
  return facts(
    Object.entries(server.attributes).map(([name, value]) => ({ label: attributeWord(name), value: Array.isArray(value) ? value.join(", ") : value })),
  );
}

function facts(all: readonly Fact[]): TemplateResult {
  return html`<dl class="facts">
    ${all.map((one) => html`<div title=${one.title ?? ""}><dt>${one.label}</dt><dd>${one.value}</dd></div>`)}
  </dl>`;
}

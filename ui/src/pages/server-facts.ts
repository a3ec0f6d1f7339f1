/** What there is to say of a virtual server now: its goal and its figures, as pairs of a word and a value. */

import type { GroupSummary, Server } from "../api/types";
import { html, type TemplateResult } from "../base/element";
import { ago, bytes, cpus, exact, fixed, index, NONE, percent } from "../base/format";
import { link } from "../base/page";
import { t } from "../base/texts";
import { attributeWord, goalWord, importanceWord } from "../base/words";

const MIB = 2 ** 20;

type Value = TemplateResult | string;
interface Fact {
  label: string;
  value: Value;
  title?: string;
}

/** What is wanted of it, and by whom. */
export function standing(server: Server, group: GroupSummary | undefined, groupId: string): TemplateResult {
  return facts([
    { label: t("Group"), value: html`<a href=${link("groups", groupId)}>${group?.name ?? groupId}</a>` },
    { label: t("Active policy"), value: group?.["active-policy"] ?? NONE },
    { label: t("Service class"), value: server["service-class"] ?? NONE },
    { label: t("Importance"), value: importanceWord(server.importance) },
    { label: t("Goal"), value: goalWord(server.goal) },
    { label: t("Reserve (CPUs)"), value: cpus(server["cpu-reserve"]), title: t("What it is entitled to whatever the goals say.") },
    { label: t("Cap (CPUs)"), value: cpus(server["cpu-cap"]), title: t("What it never exceeds.") },
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
    { label: t("Memory"), value: bytes(MIB * server["memory-mib"]) },
    {
      label: t("Started"),
      value: server.started ? ago(server.started) : NONE,
      ...(server.started ? { title: exact(server.started) } : {}),
    },
  ]);
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

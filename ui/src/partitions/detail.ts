/** What there is to say of one partition: figures, what it can have at most and whose limit that is, its parameters. */

import type { GroupSummary, Partition, PartitionList } from "../api/types";
import { idOf } from "../api/uris";
import { css, html, nothing, type TemplateResult } from "../base/element";
import { bytes, cpus, fixed, MIB, NONE } from "../base/format";
import { link } from "../base/page";
import { t } from "../base/texts";
import { cpuWords, memoryWords, useBar, USE_BAR } from "./bar";
import { cpuUse, memoryUse, ROOT, serversWithin, stateShape, stateWord, weightText } from "./data";
import { GROUP_NAMES, groupHeading, parametersOf, whyLacking, type GroupName } from "./parameters";

export const DETAIL = [
  USE_BAR,
  css`
    .facts {
      display: grid;
      grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
      gap: 8px var(--gap);
      margin: 8px 0 0;
    }
    .facts dt {
      font-size: var(--small);
    }
    .parameters td,
    .parameters th[scope="row"] {
      overflow-wrap: anywhere;
      padding-block: 4px;
    }
    .parameters th[scope="row"] {
      font-weight: normal;
      font-size: inherit;
    }
    .parameters .group th {
      padding-top: 16px;
      font-size: 0.9375rem;
    }
    .parameters .drifted td {
      color: var(--missed);
    }
    .parameters .none {
      color: var(--dim);
    }
    .parameters button {
      margin-inline-start: 12px;
      min-height: 28px;
      font-weight: normal;
    }
    .parameters tr > :first-child {
      width: 40%;
    }
  `,
];

interface Fact {
  label: string;
  value: TemplateResult | string;
  title?: string;
}

const facts = (all: readonly Fact[]) =>
  html`<dl class="facts">${all.map((one) => html`<div title=${one.title ?? ""}><dt>${one.label}</dt><dd>${one.value}</dd></div>`)}</dl>`;

/** What it is, and what it uses. */
export function nowFacts(one: Partition, list: PartitionList, groups: ReadonlyMap<string, GroupSummary>, hostMib: number | null) {
  const [cpu, memory] = [cpuUse(one), memoryUse(one, hostMib)];
  const all = list.partitions;
  const backs = one["workload-resource-groups"].map(idOf);
  return facts([
    { label: t("State"), value: `${stateShape(one)} ${stateWord(one)}` },
    ...(one.state === "active"
      ? [
          { label: t("CPU used"), value: html`${useBar(cpu, cpuWords(cpu))}<br />${cpuWords(cpu)}` },
          { label: t("Memory"), value: html`${useBar(memory, memoryWords(memory))}<br />${memoryWords(memory)}` },
        ]
      : []),
    ...(one.path === ROOT ? [] : [{ label: t("Weight, and its part of all beside it"), value: html`${weightText(one)}${weightOrigin(one)}` }]),
    { label: t("Reserve (CPUs)"), value: cpus(one.reserve), title: t("What all in it are entitled to together, whatever the goals say.") },
    { label: t("What is in it is entitled to (CPUs)"), value: cpus(one.reserved) },
    { label: t("Servers in it, and in partitions below"), value: fixed(serversWithin(one, all)) },
    ...(one.persistent ? [{ label: t("Created again when hpm starts"), value: one.autostart ? t("yes") : t("no") }] : []),
    ...(backs.length > 0
      ? [{ label: t("Backs the group"), value: html`${backs.map((id, at) => html`${at ? ", " : ""}<a href=${link("groups", id)}>${groups.get(id)?.name ?? id}</a>`)}` }]
      : []),
  ]);
}

/** Why its weight is another one than was said; nothing: it is not. */
function weightOrigin(one: Partition) {
  const before = one["shares-original"];
  if (!one["shares-planned"] && before === null) return nothing;
  const why = one["shares-planned"] ? t("planned by hpm, by the goals of the servers in it") : t("so that it has its reserve");
  return html`<br /><span class="help">${why}${before === null ? "" : `; ${t("without hpm {n}", { n: fixed(before) })}`}</span>`;
}

/** What it can have at most, and whose limit that is. */
export function effectiveFacts(one: Partition, list: PartitionList) {
  const { effective } = one;
  const from = (path: string | null | undefined) => {
    if (!path) return "";
    if (path === one.path) return html`<br /><span class="help">${t("its own limit")}</span>`;
    const id = list.partitions.find((other) => other.path === path)?.["object-id"] ?? "";
    return html`<br /><span class="help">${t("the limit of")} <a href=${link("partitions", id)}>${path}</a></span>`;
  };
  const limit = effective["memory-limit-mib"];
  return facts([
    { label: t("CPUs at most"), value: html`${effective["cpu-cap"] === null ? t("no cap") : cpus(effective["cpu-cap"])}${from(effective["cpu-cap-from"])}` },
    { label: t("Memory at most"), value: html`${limit === null ? t("no limit") : bytes(limit * MIB)}${from(effective["memory-limit-from"])}` },
    { label: t("CPUs it may be on"), value: effective.cpus ?? NONE },
    { label: t("NUMA nodes it may be on"), value: effective.mems ?? NONE },
  ]);
}

/** Its parameters, configured and live side by side; `change`: null, they are not to be changed. */
export function parameterTable(one: Partition, list: PartitionList, change: ((group: GroupName) => void) | null) {
  return html`<table class="parameters">
    <thead>
      <tr>
        <th scope="col">${t("Parameter")}</th>
        <th scope="col">${t("Configured")}</th>
        <th scope="col">${t("In force")}</th>
      </tr>
    </thead>
    ${GROUP_NAMES.map(
      (group) => html`<tbody>
        <tr class="group">
          <th colspan="3" scope="rowgroup">
            ${groupHeading(group)}${change
              ? html`<button type="button" aria-label=${t("Change {what}", { what: groupHeading(group) })} @click=${() => change(group)}>${t("Change…")}</button>`
              : nothing}
          </th>
        </tr>
        ${parametersOf(group).map((parameter) => {
          const drifted = one.drift.includes(parameter.name);
          const why = whyLacking(list.lacking, parameter.name);
          return html`<tr class=${drifted ? "drifted" : ""}>
            <th scope="row">${parameter.label}${why ? html`<br /><span class="help">${t("Not on this host: {why}", { why })}</span>` : nothing}</th>
            <td>${value(one.config && parameter.text(one.config), one.config ? t("not set") : t("not defined"))}</td>
            <td>
              ${drifted ? html`<span title=${t("It is configured otherwise: somebody changed what is in force.")}>▲</span> ` : nothing}${value(
                one.live && parameter.text(one.live),
                one.live ? t("the kernel's own") : t("not active"),
              )}
            </td>
          </tr>`;
        })}
      </tbody>`,
    )}
  </table>`;
}

const value = (text: string | null, none: string) => (text ? text : html`<span class="none">${none}</span>`);

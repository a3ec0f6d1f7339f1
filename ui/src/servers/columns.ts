/** The columns of the table of virtual servers. */

import type { Row } from "../api/mirror";
import { html, nothing } from "../base/element";
import { cpus, fixed, index, NONE, percent } from "../base/format";
import { link } from "../base/page";
import { t } from "../base/texts";
import { goalWord, runStateThen, statusWord, whyLeftAlone } from "../base/words";
import { bullet } from "../parts/bullet";
import { memoryBar, memoryWords } from "../parts/memory-bar";
import { status, unknownMark } from "../parts/status";
import type { Column } from "../parts/table";

/** In the order of how bad it is: the worst is seen first when sorted. */
const URGENCY = ["missed", "met", "discretionary", "idle", "paused", "unmanaged"];

/** How a row looks: dimmed, where its figures are of a server of which nothing is known now. */
export const rowLook = (row: Row): string => (row.stale === null ? "" : "old");

/** `groups`: names by id. `reasons`: why hpm leaves servers alone, where that is known. */
export function serverColumns(groups: ReadonlyMap<string, string>, reasons: ReadonlyMap<string, string> | undefined): Column<Row>[] {
  const groupOf = (row: Row) => groups.get(row.group) ?? row.group;
  // reasons are words, and take the room of figures
  const wide = (from: number) => (reasons ? from + 300 : from);
  return [
    {
      key: "name", label: t("Name"), value: (row) => row.rank, text: (row) => row.name,
      cell: (row) => html`<a href=${link("servers", row.uuid)} title=${row.name}>${row.name}</a>`,
    },
    {
      key: "status", label: t("Goal status"), width: 134, value: (row) => URGENCY.indexOf(row.status), text: (row) => statusWord(row.status),
      cell: (row) => html`${status(row.status)}${unknownMark(row.stale)}`,
    },
    {
      key: "velocity", label: t("Velocity"), title: t("velocity in percent, with a tick at the goal"), number: true, width: 80, from: 440, value: (row) => row.velocity,
      cell: (row) => percent(row.velocity),
    },
    {
      key: "bullet", label: t("Velocity against goal"), heard: true, width: 136, from: 640,
      cell: (row) => bullet(row.velocity, row.wanted),
    },
    {
      key: "goal", label: t("Goal"), width: 120, from: 760, value: (row) => row.wanted ?? (row.goal ? 0 : null), text: (row) => goalWord(row.goal),
      cell: (row) => goalWord(row.goal),
    },
    {
      key: "pi", label: t("PI"), title: t("performance index: goal / velocity; up to 1.05 the goal is met"), number: true, width: 56,
      from: 560, value: (row) => row.pi, cell: (row) => index(row.pi),
    },
    {
      key: "cpu", label: t("CPU"), title: t("CPUs used"), number: true, width: 60, from: wide(840), value: (row) => row.using,
      cell: (row) => cpus(row.using),
    },
    {
      key: "delay", label: t("Delay %"), title: t("of the time of its virtual CPUs, the part in which they waited for a CPU"), number: true,
      width: 74, from: wide(900), value: (row) => row.waiting, cell: (row) => fixed(row.waiting, 1),
    },
    {
      key: "shares", label: t("Shares"), title: t("CPU shares in force"), number: true, width: 80, from: wide(960), value: (row) => row.shares,
      cell: (row) => fixed(row.shares),
    },
    {
      key: "memory", label: t("Memory MiB"), title: t("what its balloon leaves it of its memory"), number: true, width: 116, from: wide(1060),
      value: (row) => row.has, cell: (row) => fixed(row.has),
    },
    {
      key: "used", label: t("Memory used"), title: t("what it uses of what its balloon leaves it, and of what it can have"), width: 136,
      from: wide(1340), value: (row) => (row.used === null || !row.has ? null : row.used / row.has),
      text: (row) => memoryWords(row.used, row.has, row.memory), cell: (row) => memoryBar(row.used, row.has, row.memory),
    },
    {
      key: "group", label: t("Group"), from: 700, value: groupOf,
      cell: (row) => html`<a href=${link("groups", row.group)} title=${groupOf(row)}>${groupOf(row)}</a>`,
    },
    {
      key: "class", label: t("Class"), from: wide(1200), value: (row) => row.class, cell: (row) => row.class ?? NONE,
    },
    {
      key: "state", label: t("State"), width: 96, from: wide(1440), value: (row) => runStateThen(row.state, row.stale), cell: (row) => runStateThen(row.state, row.stale),
    },
    ...(reasons ? [whyColumn(reasons)] : []),
  ];
}

function whyColumn(reasons: ReadonlyMap<string, string>): Column<Row> {
  const why = (row: Row) => {
    const reason = reasons.get(row.uuid);
    return reason ? whyLeftAlone(reason) : "";
  };
  return {
    key: "why", label: t("Left alone because"), from: 700, value: why,
    cell: (row) => (why(row) ? html`<span title=${why(row)}>${why(row)}</span>` : nothing),
  };
}

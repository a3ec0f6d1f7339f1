/** The columns of a group's servers. Names can be dragged by who may move servers. */

import type { Row } from "../api/mirror";
import { html, nothing } from "../base/element";
import { cpus, fixed, index } from "../base/format";
import { link } from "../base/page";
import { t } from "../base/texts";
import { goalWord } from "../base/words";
import { bullet } from "../parts/bullet";
import { status, unknownMark } from "../parts/status";
import type { Column } from "../parts/table";

export function serverColumns(drag: ((event: DragEvent, server: Row) => void) | null, dropped: () => void): Column<Row>[] {
  return [
    {
      key: "name", label: t("Name"), value: (row) => row.rank, text: (row) => row.name,
      cell: (row) => html`${drag
        ? html`<span draggable="true" title=${t("Drag to move it to another group")} aria-hidden="true" @dragstart=${(event: DragEvent) => drag(event, row)} @dragend=${dropped}>⠿</span> `
        : nothing}<a href=${link("servers", row.uuid)} @dragstart=${(event: DragEvent) => drag?.(event, row)} @dragend=${dropped}>${row.name}</a>`,
    },
    { key: "class", label: t("Class"), width: 120, from: 700, value: (row) => row.class, cell: (row) => row.class ?? nothing },
    { key: "goal", label: t("Goal"), width: 120, from: 820, value: (row) => row.wanted, cell: (row) => goalWord(row.goal) },
    { key: "status", label: t("Status"), width: 132, value: (row) => row.status, cell: (row) => html`${status(row.status)}${unknownMark(row.stale)}` },
    {
      key: "velocity", label: t("Velocity"), width: 144, from: 560, value: (row) => row.velocity,
      cell: (row) => bullet(row.velocity, row.wanted),
    },
    { key: "pi", label: t("PI"), width: 64, number: true, from: 440, value: (row) => row.pi, cell: (row) => index(row.pi) },
    { key: "cpu", label: t("CPUs used"), width: 96, number: true, from: 900, value: (row) => row.using, cell: (row) => cpus(row.using) },
    { key: "delay", label: t("CPUs waited for"), width: 128, number: true, from: 1040, value: (row) => row.delay, cell: (row) => cpus(row.delay) },
    { key: "shares", label: t("Shares"), width: 80, number: true, from: 640, value: (row) => row.shares, cell: (row) => fixed(row.shares) },
  ];
}

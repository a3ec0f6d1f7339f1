/** Charts as files. */

import { csv } from "../base/csv";
import type { ChartSeries } from "./chart-data";
import type { Look } from "./chart-look";

/** Figures with times in UTC; where points have a lowest and a highest, those too. */
export function chartCsv(times: readonly number[], series: readonly ChartSeries[], unit: string): string {
  const columns = series.flatMap((one) => {
    const label = unit ? `${one.label} (${unit})` : one.label;
    const own = [{ label, values: one.values }];
    if (one.low && one.high) own.push({ label: `${label} minimum`, values: one.low }, { label: `${label} maximum`, values: one.high });
    return own;
  });
  const rows = times.map((time, at) => [new Date(1000 * time).toISOString(), ...columns.map((one) => one.values[at])]);
  return csv([["time", ...columns.map((one) => one.label)], ...rows]);
}

const EDGE = 12;
const LINE = 20;

/** The picture of a chart with its heading and what its lines are. `ratio`: pixels of the canvas for one of CSS. */
export async function png(
  canvas: HTMLCanvasElement,
  ratio: number,
  look: Look,
  heading: string,
  entries: readonly { label: string; colour: string; dash: readonly number[] }[],
): Promise<Blob> {
  const picture = document.createElement("canvas");
  const above = (EDGE + 2 * LINE) * ratio;
  picture.width = canvas.width + 2 * EDGE * ratio;
  picture.height = canvas.height + above + EDGE * ratio;
  const on = picture.getContext("2d")!;
  on.fillStyle = look.ground;
  on.fillRect(0, 0, picture.width, picture.height);
  on.drawImage(canvas, EDGE * ratio, above);
  on.scale(ratio, ratio);
  on.textBaseline = "middle";
  on.fillStyle = look.text;
  on.font = look.font.replace(/^\d+px/, "600 15px");
  on.fillText(heading, EDGE, EDGE + LINE / 2);
  on.font = look.font;
  let x = EDGE;
  const y = EDGE + 1.6 * LINE;
  for (const { label, colour, dash } of entries) {
    on.strokeStyle = colour;
    on.lineWidth = 2;
    on.setLineDash([...dash]);
    on.beginPath();
    on.moveTo(x, y);
    on.lineTo(x + 24, y);
    on.stroke();
    on.fillText(label, x + 30, y);
    x += 46 + on.measureText(label).width;
  }
  return new Promise((resolve, reject) => picture.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture was made"))), "image/png"));
}

/** A file's name without what file systems take for something else. */
export function fileName(parts: readonly string[], ending: string): string {
  const name = parts.map((one) => one.replace(/[^\p{L}\p{N}._-]+/gu, "-")).join("-");
  return `${name.slice(0, 120)}.${ending}`;
}

/** A column of a table. */

import type { nothing, TemplateResult } from "../base/element";
import type { SortValue } from "./table-order";

export interface Column<T> {
  key: string;
  label: string;
  /** What the column is, where its label does not say it all. */
  title?: string;
  /** Its label is heard, and not seen. */
  heard?: boolean;
  /** Right-aligned; its unit stands in the label. */
  number?: boolean;
  /** Width in px; columns without one share what is left. */
  width?: number;
  /** Seen from so many px of the table's width on. Left out: always. */
  from?: number;
  /** What it is sorted by; null comes last either way. Left out: it is not sorted. */
  value?: (row: T) => SortValue;
  /** What is copied of it. Left out: its value. */
  text?: (row: T) => string;
  cell: (row: T) => TemplateResult | string | number | typeof nothing;
}

/** What it is sorted by when somebody presses a column's heading; figures are mostly looked at from the largest on. */
export function nextSort<T>({ key, number }: Column<T>, sort: string): string {
  const [first, second] = number ? [`-${key}`, key] : [key, `-${key}`];
  return sort === first ? second : first;
}

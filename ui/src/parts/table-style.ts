/** How tables look, and the marks in their cells. */

import { css } from "lit";
import { BULLET } from "./bullet";
import { MEMORY_BAR } from "./memory-bar";
import { STATUS } from "./status";

/** Height of a row, in px. */
export const ROW = 36;

const rows = css`
  :host {
    display: block;
    min-width: 0;
  }
  .scroll:focus {
    outline: none;
  }
  .scroll.inner {
    overflow: auto;
    overflow-anchor: none;
    contain: strict;
    height: max(300px, calc(100vh - var(--above, 260px)));
  }
  /* Rows are grids of a known size, each by itself: a browser lays out a real table as a whole whenever any cell has
     changed. The roles are said in the elements, for they go with the display of a table. */
  table,
  thead,
  tbody {
    display: block;
  }
  thead {
    position: sticky;
    top: 0;
    z-index: 1;
    background: var(--ground);
  }
  tr {
    display: grid;
    grid-template-columns: var(--columns);
    height: ${ROW}px;
    contain: strict;
  }
  thead button {
    border: none;
    background: none;
    padding: 0;
    min-height: 24px;
    max-width: 100%;
    font: inherit;
    font-weight: 600;
    overflow: hidden;
    text-overflow: ellipsis;
    display: inline-block;
    line-height: 1.5;
    vertical-align: middle;
  }
  thead button:focus-visible {
    outline-offset: -2px;
  }
  th,
  td {
    display: block;
    min-width: 0;
    height: ${ROW}px;
    line-height: ${ROW - 1}px;
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
  }
  th.select,
  td.select {
    padding: 0 4px;
  }
  label.box {
    display: grid;
    place-items: center;
    width: 24px;
    height: ${ROW - 1}px;
  }
  tbody tr.opens {
    cursor: pointer;
  }
  tbody tr:hover {
    background: var(--soft);
  }
  tbody tr[aria-selected="true"] {
    background: var(--chosen);
  }
  /* of which nothing is known now: nothing in it calls for something, as on a page of old figures */
  tbody tr.old {
    filter: grayscale(1);
  }
  tbody tr.old > td:not(.select, .actions) {
    color: var(--dim);
  }
  tbody tr:focus-visible {
    outline-offset: -2px;
  }
  tbody td :focus-visible {
    outline-offset: 0;
  }
  td.actions {
    text-align: end;
    padding: 0 2px 0 0;
  }
  td.actions button {
    min-height: 28px;
    line-height: 1.5;
    vertical-align: middle;
  }
  tr[class^="gap"] {
    height: var(--gap);
  }
  tr.gap0 {
    --gap: var(--gap0, 0);
  }
  tr.gap1 {
    --gap: var(--gap1, 0);
  }
  tr.gap2 {
    --gap: var(--gap2, 0);
  }
`;

export const tableStyle = [rows, BULLET, MEMORY_BAR, STATUS];

/** How tables look. */

import { css } from "lit";

/** Height of a row, in px. */
export const ROW = 36;

export const tableStyle = css`
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
  table {
    table-layout: fixed;
  }
  thead th {
    position: sticky;
    top: 0;
    z-index: 1;
    background: var(--ground);
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
  }
  thead button:focus-visible {
    outline-offset: -2px;
  }
  th,
  td {
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
    height: 24px;
  }
  tbody tr {
    height: ${ROW}px;
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
  tr[class^="gap"],
  tr[class^="gap"] td {
    border: none;
    padding: 0;
  }
  tr.gap0,
  tr.gap0 td {
    height: var(--gap0, 0);
  }
  tr.gap1,
  tr.gap1 td {
    height: var(--gap1, 0);
  }
  tr.gap2,
  tr.gap2 td {
    height: var(--gap2, 0);
  }
`;

/**
 * Colours, sizes and the look of what browsers have themselves, from one place. Colours that mean something are of the
 * Okabe-Ito set (Okabe and Ito, "Color Universal Design", 2008), darker or lighter where text needs AA contrast; none
 * of them stands alone, there always is a shape or a word beside it.
 */

import { css } from "lit";

/** For the outermost component; everything within inherits them. */
export const tokens = css`
  :host {
    all: initial; /* nothing of the page around it */
    color-scheme: light dark;
    --text: light-dark(#151515, #f0f0f0);
    --dim: light-dark(#5a5d60, #a8abae);
    --ground: light-dark(#ffffff, #1b1d21);
    --soft: light-dark(#f4f4f5, #26292d);
    --raised: light-dark(#ffffff, #2b2e33);
    --line: light-dark(#d2d2d2, #44484d);
    --edge: light-dark(#77797c, #8a8d90); /* of what can be typed in or pressed: 3:1 */
    --accent: light-dark(#0059b3, #73bcf7);
    --on-accent: light-dark(#ffffff, #10131a);
    --chosen: light-dark(#e3effb, #1f3850);
    --met: light-dark(#00694b, #35c79a); /* bluish green */
    --missed: light-dark(#a83a00, #ff9257); /* vermillion */
    --advice: light-dark(#7a5200, #e8b04a); /* orange */
    --miss-ground: light-dark(#fdf0ea, #3a2318);
    /* series of charts: blue, orange, bluish green, reddish purple, sky blue, vermillion, yellow */
    --series-1: light-dark(#0072b2, #56b4e9);
    --series-2: light-dark(#c77700, #e69f00);
    --series-3: light-dark(#007a5a, #2fc597);
    --series-4: light-dark(#a8487d, #e08fbb);
    --series-5: light-dark(#2a8fc4, #8fcdf2);
    --series-6: light-dark(#d55e00, #ff8a4a);
    --row: 36px;
    --gap: 16px;
    --small: 0.875rem;
    --tiny: 0.8125rem;
    --radius: 4px;
    --font: system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
    --mono: ui-monospace, "Noto Sans Mono", monospace;
    color: var(--text);
    background: var(--ground);
    font: 0.9375rem/1.5 var(--font);
    font-variant-numeric: tabular-nums;
  }
  :host([wok]) {
    --rem: 16px;
  }
  :host([colours="light"]) {
    color-scheme: light;
  }
  :host([colours="dark"]) {
    color-scheme: dark;
  }
`;

/** For every component. */
export const controls = css`
  *,
  ::before,
  ::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3 {
    margin: 0;
    line-height: 1.3;
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  h1 {
    font-size: 1.375rem;
  }
  h2 {
    font-size: 1.0625rem;
  }
  h3 {
    font-size: 0.9375rem;
  }
  p {
    margin: 0;
    overflow-wrap: anywhere;
  }
  fieldset {
    border: none;
    margin: 0;
    padding: 0;
    min-width: 0;
  }
  legend {
    padding: 0;
  }
  dl {
    margin: 0;
  }
  dt {
    color: var(--dim);
  }
  dd {
    margin: 0;
    overflow-wrap: anywhere;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  p a,
  h3 a {
    text-decoration: underline;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  button,
  .button {
    font: inherit;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 32px;
    padding: 2px 12px;
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    color: var(--text);
    background: var(--raised);
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover,
  .button:hover {
    border-color: var(--accent);
    text-decoration: none;
  }
  button.primary,
  .button.primary {
    color: var(--on-accent);
    background: var(--accent);
    border-color: var(--accent);
  }
  button.danger {
    color: var(--missed);
    border-color: var(--missed);
  }
  button.plain {
    border-color: transparent;
    background: none;
    color: var(--accent);
    padding: 2px 6px;
  }
  button.plain:hover {
    background: var(--soft);
  }
  button[disabled] {
    color: var(--dim);
    border-color: var(--line);
    background: var(--soft);
    cursor: default;
  }
  select {
    min-width: 0;
  }
  input,
  select,
  textarea {
    font: inherit;
    min-height: 32px;
    padding: 2px 8px;
    color: var(--text);
    background: var(--ground);
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    max-width: 100%;
  }
  input[type="checkbox"],
  input[type="radio"] {
    min-height: 0;
    width: 16px;
    height: 16px;
    accent-color: var(--accent);
    margin: 0;
  }
  input[aria-invalid="true"],
  select[aria-invalid="true"],
  textarea[aria-invalid="true"] {
    border-color: var(--missed);
    border-width: 2px;
  }
  label,
  legend {
    font-weight: 600;
    font-size: var(--small);
  }
  .field {
    display: grid;
    gap: 4px;
    justify-items: start;
  }
  .field > input:not([type="checkbox"]),
  .field > textarea {
    width: 100%;
  }
  .choice {
    display: flex;
    gap: 8px;
    align-items: center;
    font-weight: normal;
    font-size: inherit;
  }
  .help,
  .dim {
    color: var(--dim);
    font-size: var(--small);
    font-weight: normal;
  }
  .wrong {
    color: var(--missed);
    font-size: var(--small);
  }
  .wrong::before {
    content: "▲ " / "";
  }
  .number {
    text-align: end;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
  }
  .spread {
    display: flex;
    flex-wrap: wrap;
    gap: 8px var(--gap);
    align-items: center;
    justify-content: space-between;
  }
  .stack {
    display: grid;
    gap: var(--gap);
    grid-template-columns: minmax(0, 1fr);
  }
  .panel {
    border: 1px solid var(--line);
    border-radius: var(--radius);
    padding: 12px var(--gap);
    min-width: 0;
  }
  .hidden-text {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  table {
    border-collapse: collapse;
    width: 100%;
  }
  th,
  td {
    text-align: start;
    padding: 0 12px 0 0;
    height: var(--row);
    border-bottom: 1px solid var(--line);
  }
  th {
    font-size: var(--small);
    font-weight: 600;
  }
  th.number,
  td.number {
    text-align: end;
  }
  ul.plain-list,
  ol.plain-list {
    list-style: none;
    margin: 0;
    padding: 0;
  }
  code,
  pre {
    font-family: var(--mono);
    font-size: var(--small);
  }
  pre {
    margin: 0;
    padding: 8px 12px;
    background: var(--soft);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
`;

/** How an entry of a list in time looks that unfolds: a `button.fold` as wide as the list, with `i` for its mark. */

import { css } from "../base/element";

export const FOLD = css`
  .fold {
    display: grid;
    gap: 0 12px;
    align-items: baseline;
    justify-content: start;
    width: 100%;
    min-height: var(--row);
    padding: 6px 8px;
    border: none;
    border-radius: 0;
    background: none;
    text-align: start;
    white-space: normal;
  }
  .fold:hover,
  .fold[aria-expanded="true"] {
    background: var(--soft);
  }
  .fold:focus-visible {
    outline-offset: -2px;
  }
  .fold i {
    font-style: normal;
    display: inline-block;
    width: 1.1em;
  }
  .fold > span {
    overflow-wrap: anywhere;
  }
  .failed,
  .refused {
    color: var(--missed);
    font-weight: 600;
  }
  @media (max-width: 760px) {
    .text {
      grid-column: 2 / -1;
    }
  }
`;

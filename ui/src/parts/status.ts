/**
 * How something stands to its goal: a shape and a word. Tables show it by `status` and `STATUS`, as they do bullets. And
 * the mark of a server of which the hypervisor tells nothing now.
 */

import type { GoalStatus } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { SHAPES, statusWord, whyUnknown } from "../base/words";

export const STATUS = css`
  .status {
    white-space: nowrap;
  }
  .status.met i {
    color: var(--met);
  }
  .status.missed {
    color: var(--missed);
    font-weight: 600;
  }
  .status.idle,
  .status.discretionary,
  .status.unmanaged,
  .status.paused {
    color: var(--dim);
  }
  .unknown {
    color: var(--dim);
    font-weight: 600;
    cursor: help;
  }
  .status i {
    font-style: normal;
    display: inline-block;
    width: 1.1em;
  }
`;

/** `short`: only the shape is seen; the word is still there for who does not see it. */
export function status(value: GoalStatus, short = false) {
  const word = statusWord(value);
  return html`<span class="status ${value}" title=${short ? word : ""}
    ><i aria-hidden="true">${SHAPES[value]}</i>${short ? html`<span class="hidden-text">${word}</span>` : word}</span
  >`;
}

/** Says that how a server is now is not known since then; nothing where it is. */
export function unknownMark(since: string | null) {
  if (since === null) return nothing;
  const why = whyUnknown(since);
  return html` <span class="unknown" title=${why}><span aria-hidden="true">?</span><span class="hidden-text">${why}</span></span>`;
}

@customElement("hpm-status")
export class StatusPart extends HpmElement {
  @property() status: GoalStatus = "unmanaged";
  @property({ type: Boolean }) short = false;

  static override styles = [HpmElement.styles, STATUS];

  override render() {
    return status(this.status, this.short);
  }
}

/** The bar below an editor that says that there is a draft, and why it was not applied; with the buttons for it. */

import { css, html, nothing, type TemplateResult } from "../base/element";
import { t } from "../base/texts";
import type { Begun, Drafting } from "./drafting";

/** For the component that shows it, below what is edited. */
export const BAR = css`
  :host {
    display: grid;
    gap: var(--gap);
    grid-template-columns: minmax(0, 1fr);
  }
  .bar {
    position: sticky;
    bottom: 0;
    z-index: 2;
    display: grid;
    gap: 8px;
    padding: 10px var(--gap);
    background: var(--raised);
    border: 1px solid var(--advice);
    border-inline-start-width: 6px;
    border-radius: var(--radius);
  }
  .summary {
    color: var(--missed);
  }
  .summary:focus {
    outline: none;
  }
`;

interface Bar<T> {
  /** What the draft of one that does not exist yet is called. */
  anew: string;
  /** Why it was not applied. */
  why: string;
  /** What the server is known to have. */
  stored: T | undefined;
  discard: () => void;
  more?: TemplateResult | typeof nothing;
}

export function draftBar<T, D extends Begun<T>>(drafting: Drafting<T, D>, kept: D, bar: Bar<T>): TemplateResult {
  const { error, busy } = drafting;
  const creates = kept.base === null;
  return html`<section class="bar" aria-label=${t("Unsaved changes")}>
    ${error ? html`<p class="summary" role="alert" tabindex="-1">▲ ${t("Not applied.")} ${bar.why}</p>` : nothing}
    <div class="spread">
      <strong>${creates ? bar.anew : t("Unsaved changes")}</strong>
      <span class="row">
        <button class="primary apply" type="button" ?disabled=${busy} @click=${() => drafting.apply()}>
          ${busy ? t("Working…") : creates ? t("Create policy") : t("Apply")}
        </button>
        <button class="discard" type="button" @click=${bar.discard}>${t("Discard")}</button>
      </span>
    </div>
    ${drafting.isOther(bar.stored)
      ? html`<p class="row">
          ▲ ${t("Somebody else changed this policy since you began.")}
          <button class="plain" type="button" @click=${() => drafting.changedMeanwhile(kept)}>${t("Compare and merge")}</button>
        </p>`
      : nothing}
    ${bar.more ?? nothing}
  </section>`;
}

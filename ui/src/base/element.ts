/** What every component of hpm is. */

import { LitElement, unsafeCSS, type CSSResult, type CSSResultGroup, type CSSResultOrNative } from "lit";
import { controls } from "./theme";

export { css, html, nothing, svg, type PropertyValues, type TemplateResult } from "lit";
export { customElement, property, query, state } from "lit/decorators.js";
export { cache } from "lit/directives/cache.js";
export { repeat } from "lit/directives/repeat.js";

/** Styles, with `rem` measured as `theme.ts` says: Wok's Bootstrap has html of 10px, and a length in rem looks there. */
const measured = new WeakMap<CSSResultOrNative, CSSResult>();

function measure(style: CSSResultOrNative): CSSResultOrNative {
  if (style instanceof CSSStyleSheet) return style;
  let found = measured.get(style);
  if (!found) {
    found = unsafeCSS(style.cssText.replace(/(-?\d*\.?\d+)rem\b/g, "calc($1 * var(--rem, 1rem))"));
    measured.set(style, found);
  }
  return found;
}

export class HpmElement extends LitElement {
  protected static override finalizeStyles(styles?: CSSResultGroup): CSSResultOrNative[] {
    return super.finalizeStyles(styles).map(measure);
  }

  /** The look of all components, and that of this one after it: `static override styles = [HpmElement.styles, css…]`. */
  static override styles: CSSResultGroup = controls;

  /** Dispatches an event that leaves the component; `detail` says what happened. */
  protected emit<T>(name: string, detail?: T): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

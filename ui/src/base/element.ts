/** What every component of hpm is. */

import { LitElement, type CSSResultGroup } from "lit";
import { controls } from "./theme";

export { css, html, nothing, svg, type PropertyValues, type TemplateResult } from "lit";
export { customElement, property, query, state } from "lit/decorators.js";
export { repeat } from "lit/directives/repeat.js";

export class HpmElement extends LitElement {
  /** The look of all components, and that of this one after it: `static override styles = [HpmElement.styles, css…]`. */
  static override styles: CSSResultGroup = controls;

  /** Dispatches an event that leaves the component; `detail` says what happened. */
  protected emit<T>(name: string, detail?: T): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/** A goal to be chosen: a level, a number of one's own, or none. Dispatches `goal` with the new one. */

import type { Goal } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { goalPercent, levelOfVelocity, VELOCITIES } from "../base/words";

const OWN = "number";

@customElement("hpm-group-goal")
export class GroupGoalPart extends HpmElement {
  /** Of what, for who hears the page. */
  @property() of = "";
  @property({ attribute: false }) goal: Goal = { type: "discretionary" };
  @property({ type: Boolean }) wrong = false;

  static override styles = [
    HpmElement.styles,
    css`
      input {
        width: 5rem;
      }
    `,
  ];

  override render() {
    const { goal } = this;
    const chosen = goal.type === "discretionary" ? goal.type : typeof goal.velocity === "number" ? OWN : goal.velocity;
    return html`<span class="row">
      <select aria-label=${t("Goal of {name}", { name: this.of })} aria-invalid=${this.wrong} @change=${this.choose}>
        ${Object.entries(VELOCITIES).map(
          ([name, value]) => html`<option value=${name} ?selected=${name === chosen}>${levelOfVelocity(name)} (${value})</option>`,
        )}
        <option value=${OWN} ?selected=${OWN === chosen}>${t("a number of your own")}</option>
        <option value="discretionary" ?selected=${chosen === "discretionary"}>${t("discretionary: no goal")}</option>
      </select>
      ${chosen === OWN
        ? html`<input
            type="number"
            min="1"
            max="99"
            step="1"
            aria-label=${t("Velocity of {name} in percent, 1 to 99", { name: this.of })}
            aria-invalid=${this.wrong}
            .value=${String(goalPercent(goal) ?? "")}
            @input=${this.typed}
          />`
        : nothing}
    </span>`;
  }

  private choose(event: Event): void {
    const { value } = event.target as HTMLSelectElement;
    if (value === "discretionary") this.tell({ type: "discretionary" });
    else if (value === OWN) this.tell({ type: "velocity", velocity: goalPercent(this.goal) ?? VELOCITIES.moderate });
    else this.tell({ type: "velocity", velocity: value as keyof typeof VELOCITIES });
  }

  private typed(event: Event): void {
    const value = (event.target as HTMLInputElement).valueAsNumber;
    // nothing, or what is no number, is sent as 0: hpm says what would be right
    this.tell({ type: "velocity", velocity: Number.isNaN(value) ? 0 : value });
  }

  private tell(goal: Goal): void {
    this.goal = goal;
    this.emit<Goal>("goal", goal);
  }
}

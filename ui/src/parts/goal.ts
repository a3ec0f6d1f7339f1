/** A goal to be chosen: a level, a number of one's own, or none. Dispatches `goal` with the new one. */

import type { Goal } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { goalPercent, levelOfVelocity, VELOCITIES } from "../base/words";

const OWN = "number";

@customElement("hpm-goal")
export class GoalPart extends HpmElement {
  /** Of what, for who hears the page, where a label stands beside it; "": it brings its own. */
  @property() of = "";
  @property({ attribute: false }) goal: Goal = { type: "discretionary" };
  /** "No goal" is not one of the choices. */
  @property({ type: Boolean }) some = false;
  @property({ type: Boolean }) wrong = false;
  @property({ type: Boolean }) readonly = false;

  static override styles = [
    HpmElement.styles,
    css`
      input {
        width: 5rem;
      }
    `,
  ];

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("input, select")?.focus();
  }

  override render() {
    if (this.of) return this.choices();
    return html`<div class="field"><label for="goal">${t("Goal")}</label>${this.choices()}</div>`;
  }

  private choices() {
    const { goal } = this;
    const chosen = goal.type === "discretionary" ? goal.type : typeof (goal.velocity ?? 0) === "number" ? OWN : goal.velocity;
    return html`<span class="row">
      <select
        id="goal"
        aria-label=${this.of ? t("Goal of {name}", { name: this.of }) : nothing}
        aria-invalid=${this.wrong && chosen !== OWN ? "true" : "false"}
        ?disabled=${this.readonly}
        @change=${this.choose}
      >
        ${Object.entries(VELOCITIES).map(
          ([name, value]) => html`<option value=${name} .selected=${name === chosen}>${levelOfVelocity(name)} (${value})</option>`,
        )}
        <option value=${OWN} .selected=${OWN === chosen}>${t("a number of your own")}</option>
        ${this.some ? nothing : html`<option value="discretionary" .selected=${chosen === "discretionary"}>${t("discretionary: no goal")}</option>`}
      </select>
      ${chosen === OWN
        ? html`<input
            type="number"
            min="1"
            max="99"
            step="1"
            aria-label=${this.of ? t("Velocity of {name} in percent, 1 to 99", { name: this.of }) : t("Velocity in percent, 1 to 99")}
            aria-invalid=${this.wrong ? "true" : "false"}
            ?readonly=${this.readonly}
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

  /** A field that is empty, or holds no number, is sent as it is: hpm says what would be right. */
  private typed(event: Event): void {
    const { value, valueAsNumber } = event.target as HTMLInputElement;
    this.tell({ type: "velocity", velocity: value === "" ? null : valueAsNumber } as Goal);
  }

  private tell(goal: Goal): void {
    this.goal = goal;
    this.emit<Goal>("goal", goal);
  }
}

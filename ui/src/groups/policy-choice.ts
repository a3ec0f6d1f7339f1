/**
 * The policy that a group is to have: one of its own, a new one from a template, or none; importance and goals can be
 * changed in place. Dispatches `choose` (a `PolicyChoice`) for each change.
 */

import type { Goal, Importance, Policy, ServiceClass } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { list } from "../base/format";
import { t } from "../base/texts";
import { goalWord, importanceWord, IMPORTANCES } from "../base/words";
import { freeName, TEMPLATES } from "../policies/model";

export interface PolicyChoice {
  /** All policies that the group is to have. */
  policies: readonly Policy[];
  /** The name of the active one; null: none. */
  active: string | null;
  /** The key of the template that the active one was made of just now; "": of none. */
  template: string;
}

@customElement("hpm-policy-choice")
export class PolicyChoicePart extends HpmElement {
  @property({ attribute: false }) choice: PolicyChoice = { policies: [], active: null, template: "" };
  /** The path of the field of the active policy that is wrong, such as `service-classes[0].goal.velocity`, and why. */
  @property() field = "";
  @property() reason = "";

  static override styles = [
    HpmElement.styles,
    css`
      fieldset {
        display: grid;
        gap: 6px;
        grid-template-columns: minmax(0, 1fr);
      }
      .choice {
        align-items: start;
        min-height: 24px;
      }
      .choice input {
        margin-top: 4px;
        flex: none;
      }
      .edit {
        display: grid;
        gap: 8px;
        margin-inline-start: 24px;
        padding: 8px 12px;
        border-inline-start: 3px solid var(--accent);
        background: var(--soft);
      }
      .edit .row > label,
      .what {
        min-width: 6.5rem;
        overflow-wrap: anywhere;
      }
    `,
  ];

  /** Moves the focus to what is chosen. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("input:checked, input")?.focus();
  }

  override render() {
    const { choice } = this;
    const { own, made } = parts(choice);
    return html`<fieldset>
      <legend>${t("Policy")}</legend>
      ${this.option("none", choice.active === null, t("None"), t("The group is unmanaged: its servers keep their shares."), null)}
      ${own.map((one) =>
        this.option(`own:${one.name}`, !choice.template && one.name === choice.active, one.name, sentence(one), one),
      )}
      ${own.length > 0 ? html`<p class="help">${t("or a new one:")}</p>` : nothing}
      ${TEMPLATES.map((one) => {
        const chosen = choice.template === one.key;
        const policy = one.policy();
        const said = t("{importance}, {goal}. {does}", { importance: importanceWord(policy.importance), goal: goalsOf(policy), does: t(one.help) });
        return this.option(`new:${one.key}`, chosen, t(one.label), said, chosen ? made : null);
      })}
    </fieldset>`;
  }

  private option(key: string, chosen: boolean, label: string, does: string, policy: Policy | null) {
    return html`<label class="choice">
        <input type="radio" name="policy" value=${key} .checked=${chosen} @change=${() => this.choose(key)} />
        <span>${label}<br /><span class="help">${does}</span></span>
      </label>
      ${chosen && policy ? this.edit(policy) : nothing}`;
  }

  private edit(policy: Policy) {
    const isNew = this.choice.template !== "";
    return html`<div class="edit">
      ${isNew
        ? html`<div class="row">
            <label for="name">${t("Policy name")}</label>
            <input
              id="name"
              maxlength="64"
              .value=${policy.name}
              aria-invalid=${this.isWrong("name") || isTaken(this.choice)}
              aria-describedby="taken"
              @input=${(event: InputEvent) => this.change({ ...policy, name: (event.target as HTMLInputElement).value.trim() })}
            />
          </div>
          <span id="taken">${isTaken(this.choice) ? html`<span class="wrong">${takenText()}</span>` : nothing}</span>`
        : nothing}
      <div class="row">
        <label for="importance">${t("Importance")}</label>
        <select id="importance" aria-invalid=${this.isWrong("importance")} @change=${(event: Event) =>
          this.change({ ...policy, importance: (event.target as HTMLSelectElement).value as Importance })}>
          ${IMPORTANCES.map((one) => html`<option value=${one} ?selected=${one === policy.importance}>${importanceWord(one)}</option>`)}
        </select>
      </div>
      ${policy["service-classes"].map(
        (one, at) => html`<div class="row">
          <span class="what">${policy["service-classes"].length > 1 ? t("Goal of {name}", { name: one.name }) : t("Goal")}</span>
          <hpm-goal
            of=${one.name}
            .goal=${one.goal}
            ?wrong=${this.isWrong(`service-classes[${at}].goal`)}
            @goal=${(event: CustomEvent<Goal>) => this.changeClass(policy, at, { goal: event.detail })}
          ></hpm-goal>
        </div>`,
      )}
      ${this.field && this.reason ? html`<p class="wrong">${this.reason}</p>` : nothing}
    </div>`;
  }

  private isWrong(field: string): boolean {
    return this.field === field || this.field.startsWith(`${field}.`);
  }

  private choose(key: string): void {
    // one that was made from a template and is not chosen any more was never there
    const kept = parts(this.choice).own;
    const [kind, ...rest] = key.split(":");
    const name = rest.join(":");
    if (kind === "none") this.tell({ policies: kept, active: null, template: "" });
    else if (kind === "own") this.tell({ policies: kept, active: name, template: "" });
    else this.tell(madeOf(name, kept));
  }

  private changeClass(policy: Policy, at: number, change: Partial<ServiceClass>): void {
    const classes = policy["service-classes"].map((one, index) => (index === at ? { ...one, ...change } : one));
    this.change({ ...policy, "service-classes": classes });
  }

  private change(policy: Policy): void {
    const { choice } = this;
    const at = chosenAt(choice);
    const policies = choice.policies.map((one, index) => (index === at ? policy : one));
    this.tell({ ...choice, policies, active: policy.name });
  }

  private tell(choice: PolicyChoice): void {
    this.choice = choice;
    this.emit<PolicyChoice>("choose", choice);
  }
}

/** The choice of a new policy from a template, by its key, beside the `own` policies of the group. */
export function madeOf(template: string, own: readonly Policy[]): PolicyChoice {
  const policy = TEMPLATES.find((one) => one.key === template)!.policy();
  const made = { ...policy, name: freeName(policy.name, own.map((one) => one.name)) };
  return { policies: [...own, made], active: made.name, template };
}

/** Where in its list the policy is that is active; -1: none is. One made of a template is the last, whatever its name. */
export function chosenAt({ policies, active, template }: PolicyChoice): number {
  return template ? policies.length - 1 : policies.findIndex((one) => one.name === active);
}

/** The policies that the group has, and the one that was made of a template just now. */
function parts(choice: PolicyChoice): { own: readonly Policy[]; made: Policy | null } {
  return choice.template ? { own: choice.policies.slice(0, -1), made: choice.policies.at(-1) ?? null } : { own: choice.policies, made: null };
}

/** Whether the policy made of a template was given the name of another one. */
export const isTaken = (choice: PolicyChoice): boolean => choice.template !== "" && parts(choice).own.some((one) => one.name === choice.active);
export const takenText = (): string => t("A policy of this group has that name already.");

/** A policy in short: "high; db: fast (75), rest: discretionary". */
export function sentence(policy: Policy): string {
  return t("{importance}; {goals}", { importance: importanceWord(policy.importance), goals: list(namedGoals(policy)) });
}

/** Its goals; the classes are named only where there is more than one. */
function goalsOf(policy: Policy): string {
  const [first, ...more] = policy["service-classes"];
  return first && more.length === 0 ? goalWord(first.goal) : list(namedGoals(policy));
}

const namedGoals = (policy: Policy): string[] =>
  policy["service-classes"].map((one) => t("{name}: {goal}", { name: one.name, goal: goalWord(one.goal) }));

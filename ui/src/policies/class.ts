/** The form of one service class. Dispatches `class` with the changed class; it changes nothing by itself. */

import { Resource } from "../api/resource";
import type { Goal, Group, GuestPolicy, Importance, Policy, Rule, ServiceClass, Version } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { t } from "../base/texts";
import { IMPORTANCES, importanceWord } from "../base/words";
import { groupPath } from "../groups/data";
import { belowClass } from "../guest/below";
import { policyWords } from "../guest/words";
import { filter } from "./model";
import { wrongBelow, type Wrong } from "./rule";
import { ruleWords } from "./words";

@customElement("hpm-class")
export class ClassPart extends HpmElement {
  @property() group = "";
  @property({ attribute: false }) policy!: Policy;
  @property({ type: Number }) at = 0;
  /** What the server says of this class, with the path below it. */
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  /** What the preview says of the rule while it is typed. */
  @state() private wrongRule: Wrong | null = null;
  /** Whether its guest policy is shown. */
  @state() private guestShown = false;
  private readonly version = new Resource<Version>(this, () => (this.guestShown ? "/version" : null), { ticks: false });
  private readonly stored = new Resource<Group>(this, () => (this.guestShown && this.group ? groupPath(this.group) : null), {
    kinds: ["workload-resource-group"], ticks: false,
  });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
      }
      .fields {
        display: grid;
        gap: 12px var(--gap);
        grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr));
      }
      .rule {
        display: grid;
        gap: 12px var(--gap);
        grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
      }
      .rule > * {
        min-width: 0;
        align-content: start;
      }
      legend {
        margin-bottom: 4px;
      }
      summary {
        cursor: pointer;
        min-height: 24px;
        overflow-wrap: anywhere;
      }
      hpm-guest-policy {
        padding: 12px 0 0;
      }
      @media (max-width: 760px) {
        .rule {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  private get one(): ServiceClass {
    return this.policy["service-classes"][this.at]!;
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("[aria-invalid=true], hpm-goal[wrong], input")?.focus();
  }

  override render() {
    const { one } = this;
    return html`<div class="fields">
        ${this.text("name", t("Name"), one.name, 64)} ${this.goal(one.goal)} ${this.importance(one)}
        ${this.text("description", t("Description"), one.description, 1024)}
      </div>
      ${this.at === this.policy["service-classes"].length - 1
        ? html`<p class="help">${t("The last class has no rule: it takes all servers that no class before it takes.")}</p>${this.wrongAt("classification")}`
        : this.rule(one.classification)}
      ${this.guest(one)}`;
  }

  private guest(one: ServiceClass) {
    const wrong = wrongBelow(this.wrong, "guest-policy");
    const said = policyWords(one["guest-policy"]);
    const shown = this.guestShown || wrong !== null;
    return html`<details ?open=${shown} @toggle=${(event: Event) => (this.guestShown = (event.target as HTMLDetailsElement).open)}>
      <summary>${t("Guest policy of its servers")}${shown ? nothing : html` <span class="help">${said || t("says nothing")}</span>`}</summary>
      ${wrong?.path === "" ? html`<span class="wrong">${wrong.text}</span>` : nothing}
      ${shown
        ? html`<hpm-guest-policy
            .policy=${one["guest-policy"] ?? {}}
            .below=${belowClass(this.stored.value)}
            .nodes=${this.version.value?.["numa-nodes"] ?? []}
            .wrong=${wrong}
            ?readonly=${this.readonly}
            @guest-policy=${(event: CustomEvent<GuestPolicy>) => {
              event.stopPropagation();
              this.change({ "guest-policy": event.detail });
            }}
          ></hpm-guest-policy>`
        : nothing}
    </details>`;
  }

  private text(name: "name" | "description", label: string, value: string, most: number) {
    const wrong = wrongBelow(this.wrong, name);
    return html`<div class="field">
      <label for=${name}>${label}</label>
      <input
        id=${name}
        maxlength=${most}
        autocomplete="off"
        .value=${value}
        ?readonly=${this.readonly}
        aria-invalid=${wrong ? "true" : "false"}
        aria-describedby=${wrong ? `${name}-wrong` : nothing}
        @input=${(event: Event) => this.change({ [name]: (event.target as HTMLInputElement).value })}
      />
      ${this.wrongAt(name)}
    </div>`;
  }

  private goal(goal: Goal) {
    return html`<div>
      <hpm-goal
        .goal=${goal}
        ?wrong=${wrongBelow(this.wrong, "goal") !== null}
        ?readonly=${this.readonly}
        @goal=${(event: CustomEvent<Goal>) => this.change({ goal: event.detail })}
      ></hpm-goal>
      ${goal.type === "discretionary" ? html`<span class="help">${t("No goal: gets what is left.")}</span>` : nothing} ${this.wrongAt("goal")}
    </div>`;
  }

  private importance(one: ServiceClass) {
    return html`<div class="field">
      <label for="importance">${t("Own importance")}</label>
      <select
        id="importance"
        ?disabled=${this.readonly}
        @change=${(event: Event) => this.change({ importance: ((event.target as HTMLSelectElement).value || null) as Importance | null })}
      >
        <option value="" ?selected=${!one.importance}>${t("that of the policy ({importance})", { importance: importanceWord(this.policy.importance) })}</option>
        ${IMPORTANCES.map((level) => html`<option value=${level} ?selected=${level === one.importance}>${importanceWord(level)}</option>`)}
      </select>
      ${this.wrongAt("importance")}
    </div>`;
  }

  private rule(rule: Rule | null) {
    if (!rule) {
      return html`<div class="row">
        ${this.wrongAt("classification")}
        ${this.readonly ? nothing : html`<button type="button" @click=${() => this.change({ classification: filter("*") })}>${t("Give it a rule")}</button>`}
      </div>`;
    }
    return html`<div class="rule">
      <fieldset>
        <legend>${t("Classification rule")}</legend>
        <hpm-rule
          .rule=${rule}
          .wrong=${wrongBelow(this.wrong, "classification") ?? this.wrongRule}
          ?readonly=${this.readonly}
          @rule=${(event: CustomEvent<Rule | null>) => this.change({ classification: event.detail ?? filter("*") })}
        ></hpm-rule>
      </fieldset>
      <div class="stack">
        <p><span class="help">${t("In words:")}</span> ${ruleWords(rule)}</p>
        <hpm-matches
          .group=${this.group}
          .rule=${rule}
          .policy=${this.policy}
          .at=${this.at}
          @wrong=${(event: CustomEvent<Wrong | null>) => (this.wrongRule = event.detail)}
        ></hpm-matches>
      </div>
    </div>`;
  }

  private wrongAt(name: string) {
    const wrong = wrongBelow(this.wrong, name);
    const shownInRule = name === "classification" && this.one.classification;
    return wrong && !shownInRule ? html`<span class="wrong" id="${name}-wrong">${wrong.text}</span>` : nothing;
  }

  private change(part: Partial<ServiceClass>): void {
    this.emit("class", { ...this.one, ...part });
  }
}

/**
 * A classification rule, to be built: filters, and `and`, `or`, `not` around them; in words it stands beside it.
 *
 * One element shows one rule and makes more of itself for those within. It dispatches `rule` with the new rule (null:
 * taken away) and changes nothing by itself. `wrong` is what the server says, with the path below this rule.
 */

import type { Rule } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { attributeWord } from "../base/words";
import type { Action } from "../parts/menu";
import { filter, replaced } from "./model";
import { FILTER_TYPES, ruleWords, type FilterRule, type FilterType } from "./words";

export interface Wrong {
  path: string; // below what it is told to; "": it is that itself
  text: string;
}

/** What is wrong below a part of it. */
export function wrongBelow(wrong: Wrong | null, part: string): Wrong | null {
  if (!wrong?.path.startsWith(part)) return null;
  const rest = wrong.path.slice(part.length);
  return rest === "" || rest.startsWith(".") || rest.startsWith("[") ? { path: rest.replace(/^\./, ""), text: wrong.text } : null;
}

@customElement("hpm-rule")
export class RulePart extends HpmElement {
  @property({ attribute: false }) rule: Rule = filter();
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  /** How deep it stands in others. */
  @property({ type: Number }) depth = 0;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .filter {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        align-items: center;
      }
      .filter input {
        flex: 1 1 8rem;
        min-width: 6rem;
      }
      fieldset {
        padding: 4px 0 4px 12px;
        border-inline-start: 3px solid var(--line);
        display: grid;
        gap: 8px;
      }
      .top {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
        align-items: center;
      }
    `,
  ];

  override render() {
    const { rule } = this;
    return html`${rule.type === "filter" ? this.filter(rule) : this.several(rule)}
    ${this.wrong && (rule.type !== "filter" || !this.wrong.path || this.fieldOf(rule)) ? html`<p class="wrong" id="wrong">${this.wrong.text}</p>` : nothing}`;
  }

  /** Moves the focus to the first field. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("select, input")?.focus();
  }

  private filter(rule: FilterRule) {
    const change = (part: Partial<FilterRule>) => this.tell({ ...rule, ...part });
    return html`<div class="filter">
      <select aria-label=${t("What is compared")} ?disabled=${this.readonly} @change=${(event: Event) => change({ "filter-type": chosen(event) as FilterType })}>
        ${FILTER_TYPES.map((one) => html`<option value=${one} ?selected=${one === rule["filter-type"]}>${attributeWord(one)}</option>`)}
      </select>
      <select
        aria-label=${t("How it is compared")}
        ?disabled=${this.readonly}
        @change=${(event: Event) => change({ operation: chosen(event) as FilterRule["operation"] })}
      >
        <option value="string-match" ?selected=${rule.operation === "string-match"}>${t("matches")}</option>
        <option value="string-not-match" ?selected=${rule.operation === "string-not-match"}>${t("does not match")}</option>
      </select>
      <input
        aria-label=${t("Value; * and ? are wildcards")}
        title=${t("* stands for any characters, ? for one; \\ takes the meaning from the character after it")}
        spellcheck="false"
        autocomplete="off"
        maxlength="255"
        .value=${rule.value}
        ?readonly=${this.readonly}
        aria-invalid=${this.fieldOf(rule) === "value" ? "true" : "false"}
        aria-describedby=${this.wrong ? "wrong" : nothing}
        @input=${(event: Event) => change({ value: (event.target as HTMLInputElement).value })}
      />
      ${this.menu()}
    </div>`;
  }

  private several(rule: Exclude<Rule, FilterRule>) {
    const inner = rule.type === "not" ? [rule.rule] : rule.rules;
    const part = (at: number) => (rule.type === "not" ? "rule" : `rules[${at}]`);
    const change = (at: number, next: Rule | null) => this.changed(rule, at, next);
    return html`<fieldset>
      <legend class="hidden-text">${ruleWords(rule)}</legend>
      <div class="top">
        <select aria-label=${t("How the rules are joined")} ?disabled=${this.readonly} @change=${(event: Event) => this.join(rule, chosen(event))}>
          <option value="and" ?selected=${rule.type === "and"}>${t("all of these hold")}</option>
          <option value="or" ?selected=${rule.type === "or"}>${t("any of these holds")}</option>
          <option value="not" ?selected=${rule.type === "not"}>${t("this does not hold")}</option>
        </select>
        ${this.menu()}
      </div>
      ${inner.map(
        (one, at) => html`<hpm-rule
          .rule=${one}
          .wrong=${wrongBelow(this.wrong, part(at))}
          .depth=${this.depth + 1}
          ?readonly=${this.readonly}
          @rule=${(event: CustomEvent<Rule | null>) => {
            event.stopPropagation();
            change(at, event.detail);
          }}
        ></hpm-rule>`,
      )}
      ${this.readonly || rule.type === "not"
        ? nothing
        : html`<div class="row"><button type="button" class="plain add" @click=${() => this.add(rule)}>${t("Add a filter")}</button></div>`}
    </fieldset>`;
  }

  private menu() {
    if (this.readonly) return nothing;
    return html`<hpm-menu .of=${ruleWords(this.rule)} .actions=${this.actions()}></hpm-menu>`;
  }

  private actions(): Action[] {
    const { rule } = this;
    const actions: Action[] = [
      { label: t("All of: add a rule that must hold too"), run: () => this.wrap("and") },
      { label: t("Any of: add a rule that may hold instead"), run: () => this.wrap("or") },
      { label: t("Not: turn it round"), run: () => this.tell(rule.type === "not" ? rule.rule : { type: "not", rule }) },
    ];
    const only = rule.type === "not" ? rule.rule : rule.type !== "filter" && rule.rules.length === 1 ? rule.rules[0]! : null;
    if (only) actions.push({ label: t("Unwrap"), run: () => this.tell(only) });
    if (this.depth > 0) actions.push({ label: t("Remove"), danger: true, run: () => this.tell(null) });
    return actions;
  }

  private wrap(type: "and" | "or"): void {
    const { rule } = this;
    if (rule.type === type) this.tell({ type, rules: [...rule.rules, filter("*")] });
    else this.tell({ type, rules: [rule, filter("*")] });
    void this.focusLast();
  }

  private add(rule: Extract<Rule, { rules: unknown }>): void {
    this.tell({ ...rule, rules: [...rule.rules, filter("*")] });
    void this.focusLast();
  }

  /** The new rule is where one goes on typing. */
  private async focusLast(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    await this.updateComplete;
    const last = [...this.renderRoot.querySelectorAll<RulePart>("hpm-rule")].at(-1);
    await last?.updateComplete;
    last?.focus();
  }

  private changed(rule: Exclude<Rule, FilterRule>, at: number, next: Rule | null): void {
    if (rule.type === "not") return this.tell(next && { ...rule, rule: next });
    const rules = replaced(rule.rules, at, next ?? undefined);
    this.tell(rules.length > 0 ? { ...rule, rules } : this.depth > 0 ? null : filter("*"));
    if (!next) void this.focusLast();
  }

  private join(rule: Exclude<Rule, FilterRule>, type: string): void {
    const inner = rule.type === "not" ? [rule.rule] : rule.rules;
    const only = inner.length === 1 ? inner[0]! : null;
    if (type === "not") this.tell({ type: "not", rule: only ?? rule });
    else if (rule.type === "not" && only && only.type !== "filter" && only.type !== "not") this.tell({ type: type as "and", rules: only.rules });
    else this.tell({ type: type as "and" | "or", rules: inner });
  }

  private fieldOf(rule: FilterRule): string {
    return this.wrong && Object.keys(rule).includes(this.wrong.path) ? this.wrong.path : "";
  }

  private tell(rule: Rule | null): void {
    this.emit("rule", rule);
  }
}

function chosen(event: Event): string {
  return (event.target as HTMLSelectElement).value;
}

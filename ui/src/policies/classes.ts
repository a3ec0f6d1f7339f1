/**
 * The service classes of a policy, in order: the first whose rule matches takes a server, the last takes what is left.
 *
 * They are put in order by dragging, by buttons, and by Alt and the arrows. Dispatches `classes` (the new list) and
 * `unfold` (the place of the one that is open; -1: none).
 */

import type { Policy, ServiceClass } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { t } from "../base/texts";
import { goalWord, importanceWord } from "../base/words";
import { Dragging, type DropPlace } from "./drag";
import { freeName, moved, newClass, replaced } from "./model";
import { wrongBelow, type Wrong } from "./rule";
import { ruleWords } from "./words";

@customElement("hpm-classes")
export class ClassesPart extends HpmElement {
  @property() group = "";
  @property({ attribute: false }) policy!: Policy;
  @property({ type: Number }) unfolded = -1;
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  /** What is said to who hears the page. */
  @state() private said = "";
  private readonly dragging = new Dragging(this, (key, over) => this.dropped(Number(key), over));

  static override styles = [
    HpmElement.styles,
    css`
      ol {
        display: grid;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        overflow: clip;
      }
      li {
        border-bottom: 1px solid var(--line);
        border-top: 2px solid transparent;
        min-width: 0;
      }
      li:last-child {
        border-bottom: none;
      }
      .line {
        display: grid;
        grid-template-columns: 24px minmax(8rem, 1fr) 9rem 8rem minmax(0, 2fr) 112px;
        gap: 4px 8px;
        align-items: center;
        min-height: 40px;
        padding: 2px 8px;
      }
      .line.readonly {
        grid-template-columns: minmax(8rem, 1fr) 9rem 8rem minmax(0, 2fr);
      }
      .grip {
        cursor: grab;
        color: var(--dim);
        touch-action: none;
        width: 24px;
        height: 32px;
        display: grid;
        place-items: center;
        user-select: none;
      }
      .fold {
        justify-content: start;
        min-width: 0;
        white-space: normal;
        text-align: start;
        overflow-wrap: anywhere;
      }
      .what {
        min-width: 0;
        overflow-wrap: anywhere;
      }
      .dragged {
        opacity: 0.5;
      }
      .drop-before {
        border-top-color: var(--accent);
      }
      .drop-after {
        border-bottom: 2px solid var(--accent);
      }
      .tools {
        display: flex;
        gap: 2px;
        justify-content: end;
      }
      .tools button {
        min-width: 32px;
        padding: 2px;
      }
      hpm-class {
        padding: 8px 12px 16px 40px;
      }
      .add {
        margin-top: 8px;
      }
      @media (max-width: 760px) {
        .line,
        .line.readonly {
          grid-template-columns: 24px minmax(0, 1fr) auto;
        }
        .line.readonly {
          grid-template-columns: minmax(0, 1fr);
        }
        .line > .what {
          grid-column: 2 / -1;
        }
        .readonly > .what {
          grid-column: 1;
        }
        .tools {
          grid-row: 1;
          grid-column: 3;
        }
        hpm-class {
          padding: 8px 12px 16px;
        }
      }
    `,
  ];

  /** Moves the focus to the class that is unfolded. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("hpm-class")?.focus();
  }

  override render() {
    const classes = this.policy["service-classes"];
    return html`<ol class="plain-list" aria-label=${t("Service classes, in order")}>
        ${classes.map((one, at) => this.line(one, at, classes.length))}
      </ol>
      <p class="hidden-text" aria-live="polite">${this.said}</p>
      ${this.wrong?.path === "" ? html`<p class="wrong">${this.wrong.text}</p>` : nothing}
      ${this.readonly ? nothing : html`<button class="add" type="button" @click=${this.add}>${t("Add a service class")}</button>`}`;
  }

  private line(one: ServiceClass, at: number, all: number) {
    const open = at === this.unfolded;
    const wrong = wrongBelow(this.wrong, `[${at}]`);
    const moves = !this.readonly && at < all - 1;
    return html`<li class=${this.dragging.mark(String(at))} data-drop=${at} @keydown=${(event: KeyboardEvent) => this.typed(event, at)}>
      <div class="line ${this.readonly ? "readonly" : ""}">
        ${this.readonly
          ? nothing
          : moves
            ? html`<span class="grip" draggable="true" data-drag=${at} aria-hidden="true" title=${t("Drag to another place")}>⠿</span>`
            : html`<span></span>`}
        <button class="plain fold" type="button" aria-expanded=${open} @click=${() => this.emit("unfold", open ? -1 : at)}>
          <span aria-hidden="true">${open ? "▾" : "▸"}</span>${one.name || t("(no name)")}${wrong ? html`<span class="wrong">${t("wrong")}</span>` : nothing}
        </button>
        <span class="what">${goalWord(one.goal)}</span>
        <span class="what">${one.importance ? importanceWord(one.importance) : html`<span class="dim">${importanceWord(this.policy.importance)}</span>`}</span>
        <span class="what">${at === all - 1 ? html`<span class="dim">${t("all that are left")}</span>` : ruleWords(one.classification)}</span>
        ${this.readonly ? nothing : this.tools(one, at, all)}
      </div>
      ${open
        ? html`<hpm-class
            .group=${this.group}
            .policy=${this.policy}
            .at=${at}
            .wrong=${wrong}
            ?readonly=${this.readonly}
            @class=${(event: CustomEvent<ServiceClass>) => this.tell(replaced(this.policy["service-classes"], at, event.detail))}
          ></hpm-class>`
        : nothing}
    </li>`;
  }

  private tools(one: ServiceClass, at: number, all: number) {
    const last = at === all - 1;
    return html`<span class="tools">
      ${last
        ? nothing
        : html`<button class="plain up" type="button" aria-label=${t("Move {name} up", { name: one.name })} title=${t("Up (Alt+↑)")} ?disabled=${at === 0} @click=${() => this.move(at, at - 1)}>↑</button>
            <button class="plain down" type="button" aria-label=${t("Move {name} down", { name: one.name })} title=${t("Down (Alt+↓)")} ?disabled=${at >= all - 2} @click=${() => this.move(at, at + 1)}>↓</button>`}
      <hpm-menu
        .of=${one.name}
        .actions=${[
          { label: t("Duplicate"), run: () => this.duplicate(at) },
          last
            ? { label: t("Remove"), danger: true, not: t("The last class takes all servers that are left, and stays."), run: () => {} }
            : { label: t("Remove"), danger: true, run: () => this.takeAway(at) },
        ]}
      ></hpm-menu>
    </span>`;
  }

  private typed(event: KeyboardEvent, at: number): void {
    if (!event.altKey || this.readonly || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    if (event.composedPath()[0] instanceof HTMLSelectElement) return; // there it opens the list
    event.preventDefault();
    this.move(at, event.key === "ArrowUp" ? at - 1 : at + 1);
  }

  private dropped(from: number, over: DropPlace): void {
    const to = Number(over.key) + (over.after ? 1 : 0);
    this.move(from, to > from ? to - 1 : to);
  }

  private move(from: number, wanted: number): void {
    const classes = this.policy["service-classes"];
    const to = Math.max(0, Math.min(wanted, classes.length - 2));
    if (from >= classes.length - 1) return;
    const name = classes[from]!.name;
    if (to !== from) {
      this.tell(moved(classes, from, to));
      if (this.unfolded >= 0) this.emit("unfold", moved([...classes.keys()], from, to).indexOf(this.unfolded));
    }
    this.said = t("{name} is now number {n} of {all}.", { name, n: to + 1, all: classes.length });
    void this.focusTool(to, wanted < from ? ".up" : ".down");
  }

  private async focusTool(at: number, tool: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    await this.updateComplete;
    const line = this.renderRoot.querySelector(`[data-drop="${at}"]`);
    const wanted = line?.querySelector<HTMLButtonElement>(tool);
    (wanted && !wanted.disabled ? wanted : line?.querySelector<HTMLElement>(".fold"))?.focus();
  }

  private readonly add = (): void => {
    const classes = this.policy["service-classes"];
    this.insert(classes.length - 1, newClass(classes.map((one) => one.name)));
  };

  private duplicate(at: number): void {
    const classes = this.policy["service-classes"];
    const copy = classes[at]!;
    const name = freeName(copy.name, classes.map((one) => one.name));
    const rule = copy.classification ?? newClass([]).classification;
    this.insert(Math.min(at + 1, classes.length - 1), { ...copy, name, classification: rule });
  }

  private insert(at: number, one: ServiceClass): void {
    const classes = [...this.policy["service-classes"]];
    classes.splice(at, 0, one);
    this.tell(classes);
    this.emit("unfold", at);
    this.said = t("{name} was added as number {n} of {all}.", { name: one.name, n: at + 1, all: classes.length });
    void new Promise((resolve) => setTimeout(resolve)).then(() => this.updateComplete).then(() => this.focus());
  }

  private takeAway(at: number): void {
    const classes = this.policy["service-classes"];
    this.tell(replaced(classes, at, undefined));
    if (this.unfolded === at) this.emit("unfold", -1);
    else if (this.unfolded > at) this.emit("unfold", this.unfolded - 1);
    this.said = t("{name} was removed.", { name: classes[at]!.name });
    void this.focusTool(Math.min(at, classes.length - 2), ".fold");
  }

  private tell(classes: readonly ServiceClass[]): void {
    this.emit("classes", classes);
  }
}

/**
 * The question that is asked where somebody else changed the same thing meanwhile: nothing is overwritten silently.
 *
 * It is generic over what was changed: `base` is what it was when the editing began, `mine` what I made of it, `theirs`
 * what it is now. `ask()` shows it; it dispatches `merged` (a `Merged`) with what is to be from now on: where only one
 * side changed a field that change stands, and where both did the button that was pressed decides.
 */

import { css, customElement, html, HpmElement, nothing, property, query, type TemplateResult } from "../base/element";
import { t } from "../base/texts";
import type { DialogPart } from "./dialog";

/** A field that is compared, and how its value is told. */
export interface MergeField<T> {
  key: keyof T & string;
  label: string;
  text: (value: T[keyof T]) => TemplateResult | string;
}

export interface Merged<T> {
  value: T;
  took: "mine" | "theirs";
}

@customElement("hpm-merge")
export class MergePart<T extends object = Record<string, unknown>> extends HpmElement {
  /** What it is: "group Gold". */
  @property() what = "";
  @property({ attribute: false }) base!: T;
  @property({ attribute: false }) mine!: T;
  @property({ attribute: false }) theirs!: T;
  @property({ attribute: false }) fields: readonly MergeField<T>[] = [];

  @query("hpm-dialog") private dialog!: DialogPart;

  static override styles = [
    HpmElement.styles,
    css`
      .scroll {
        overflow-x: auto;
      }
      th,
      td {
        vertical-align: top;
        padding-block: 6px;
        overflow-wrap: anywhere;
        min-width: 7rem;
      }
      th[scope="row"] {
        font-size: inherit;
      }
    `,
  ];

  ask(): void {
    void this.updateComplete.then(() => this.dialog.show());
  }

  close(): void {
    this.dialog.close();
  }

  override render() {
    return html`<hpm-dialog
      wide
      heading=${t("Somebody else changed {what}", { what: this.what })}
      action=${t("Take mine over theirs")}
      @save=${(event: Event) => this.take(event, "mine")}
    >
      ${this.theirs ? this.question() : nothing}
      <button slot="actions" type="button" @click=${(event: Event) => this.take(event, "theirs")}>${t("Take theirs")}</button>
    </hpm-dialog>`;
  }

  private question() {
    const changed = this.fields.filter(({ key }) => !same(this.base[key], this.theirs[key]));
    const both = changed.filter(({ key }) => this.isMine(key) && !same(this.mine[key], this.theirs[key]));
    return html`<div class="stack">
      <p>
        ${changed.length === 0
          ? t("What you see here is the same as before; something else of it was changed. Nothing of yours has been saved yet.")
          : both.length > 0
            ? t("You both changed the same. Nothing of yours has been saved yet: say what is to be.")
            : t("You changed other parts of it. Nothing of yours has been saved yet; with either button nothing of theirs is lost.")}
      </p>
      ${changed.length > 0 ? this.table(changed, both) : nothing}
    </div>`;
  }

  private table(changed: readonly MergeField<T>[], both: readonly MergeField<T>[]) {
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("What was changed")}>
      <table>
        <thead>
          <tr>
            <th scope="col">${t("What")}</th>
            <th scope="col">${t("Before")}</th>
            <th scope="col">${t("Mine")}</th>
            <th scope="col">${t("Theirs")}</th>
          </tr>
        </thead>
        <tbody>
          ${changed.map(
            (one) => html`<tr>
              <th scope="row">
                ${one.label}${both.includes(one) ? html`<br /><span class="wrong">${t("changed by both")}</span>` : nothing}
              </th>
              <td>${one.text(this.base[one.key])}</td>
              <td>${this.isMine(one.key) ? one.text(this.mine[one.key]) : html`<span class="dim">${t("not changed")}</span>`}</td>
              <td>${one.text(this.theirs[one.key])}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  private isMine(key: keyof T): boolean {
    return !same(this.base[key], this.mine[key]);
  }

  private take(event: Event, took: Merged<T>["took"]): void {
    event.stopPropagation();
    this.dialog.close();
    this.emit<Merged<T>>("merged", { value: merged(this.base, this.mine, this.theirs, took), took });
  }
}

/** What is to be where two changed the same thing; `wins` is whose value stands where both changed a field. */
export function merged<T extends object>(base: T, mine: T, theirs: T, wins: Merged<T>["took"]): T {
  const value = { ...theirs };
  for (const key of Object.keys(mine) as (keyof T)[]) {
    const byMe = !same(base[key], mine[key]);
    const byThem = !same(base[key], theirs[key]);
    if (byMe && (!byThem || wins === "mine")) value[key] = mine[key];
  }
  return value;
}

/** Whether two values of JSON are the same; the order of an object's fields does not matter. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => same((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]));
}

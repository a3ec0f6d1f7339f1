/**
 * The service classes of a group's active policy: goal, velocity, PI, status; a class unfolds into its members. Which
 * ones are unfolded stands in the URL: dispatches `unfold` with their names.
 */

import type { ServiceClassState } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, repeat } from "../base/element";
import { index } from "../base/format";
import { plural, t } from "../base/texts";
import { goalPercent, goalWord, importanceWord } from "../base/words";
import "./class-members";

@customElement("hpm-group-classes")
export class GroupClassesPart extends HpmElement {
  @property({ attribute: false }) classes: readonly ServiceClassState[] = [];
  @property() group = ""; // its id
  /** The names of unfolded classes. */
  @property({ attribute: false }) unfolded: readonly string[] = [];

  static override styles = [
    HpmElement.styles,
    css`
      details {
        border-bottom: 1px solid var(--line);
      }
      summary {
        display: grid;
        grid-template-columns: 1.2em minmax(6rem, 1fr) 6rem 9rem 130px 4.5rem 7rem 6.5rem;
        gap: 4px 12px;
        align-items: center;
        min-height: var(--row);
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        background: var(--soft);
      }
      summary strong {
        overflow-wrap: anywhere;
      }
      .fold::before {
        content: "▸" / "";
      }
      details[open] .fold::before {
        content: "▾" / "";
      }
      @media (max-width: 1000px) {
        summary {
          display: flex;
          flex-wrap: wrap;
          padding: 6px 0;
        }
        summary strong {
          flex: 1 1 8rem;
        }
      }
    `,
  ];

  override render() {
    return html`${repeat(
      this.classes,
      (one) => one.name,
      (one) => this.class(one),
    )}`;
  }

  private class(one: ServiceClassState) {
    const open = this.unfolded.includes(one.name);
    const { length } = one["virtual-servers"];
    return html`<details .open=${open}>
      <summary @click=${(event: Event) => this.toggle(event, one.name)}>
        <span class="fold" aria-hidden="true"></span>
        <strong>${one.name}</strong>
        <span title=${t("Importance")}>${importanceWord(one.importance)}</span>
        <span title=${t("Goal")}>${goalWord(one.goal)}</span>
        <hpm-bullet .velocity=${one.velocity} .goal=${goalPercent(one.goal)}></hpm-bullet>
        <span class="number">${t("PI {index}", { index: index(one["performance-index"]) })}</span>
        <hpm-status status=${one["goal-status"]}></hpm-status>
        <span>${plural("{n} server", "{n} servers", length)}</span>
      </summary>
      ${open ? html`<hpm-class-members group=${this.group} name=${one.name} count=${length}></hpm-class-members>` : nothing}
    </details>`;
  }

  private toggle(event: Event, name: string): void {
    event.preventDefault();
    const open = this.unfolded.includes(name);
    this.emit("unfold", open ? this.unfolded.filter((one) => one !== name) : [...this.unfolded, name]);
  }
}

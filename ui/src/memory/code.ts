/**
 * A text of MOM's language, to be read or typed: a plain field for text, over the same text in colours, with the
 * numbers of its lines. Places that are wrong are underlined, and their lines marked. Dispatches `text` (the text) with
 * each change. Tab leaves it, as any field.
 */

import { css, customElement, html, HpmElement, nothing, property, query, type PropertyValues } from "../base/element";
import { linesOf, offsetOf, type Token } from "./tokens";

/** Where something is wrong. */
export interface Spot {
  line: number;
  column: number;
}

/** Characters beyond which it is not coloured: each letter that is typed colours it anew. */
const LONG = 60_000;

@customElement("hpm-code")
export class CodePart extends HpmElement {
  @property() value = "";
  @property() label = "";
  /** Of the element that says what is wrong, in words. */
  @property() describedby = "";
  @property({ type: Boolean }) readonly = false;
  @property({ attribute: false }) spots: readonly Spot[] = [];
  @query("textarea") private area!: HTMLTextAreaElement;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .box {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        max-height: 65vh;
        overflow: auto;
        border: 1px solid var(--edge);
        border-radius: var(--radius);
        background: var(--ground);
      }
      .box:focus-within {
        outline: 2px solid var(--accent);
        outline-offset: 1px;
      }
      .box.wrong-there {
        border-color: var(--missed);
      }
      .numbers,
      .shown,
      textarea {
        font: var(--tiny) / 1.6 var(--mono);
        font-variant-ligatures: none;
        tab-size: 4;
        white-space: pre;
        overflow-wrap: normal;
        padding: 8px;
        margin: 0;
      }
      .numbers {
        position: sticky;
        inset-inline-start: 0;
        z-index: 1;
        text-align: end;
        color: var(--dim);
        background: var(--soft);
        border-inline-end: 1px solid var(--line);
        user-select: none;
      }
      .numbers b {
        color: var(--missed);
      }
      .field {
        position: relative;
        display: block;
        min-width: max-content;
      }
      .shown {
        min-height: 12em;
        min-width: 100%;
        width: max-content;
        padding-inline-end: 3em; /* room for the caret behind the longest line */
        background: none;
      }
      textarea {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        max-width: none;
        min-height: 0;
        border: none;
        border-radius: 0;
        resize: none;
        overflow: hidden;
        outline: none;
        background: none;
        caret-color: var(--text);
        -webkit-text-fill-color: transparent;
      }
      textarea[aria-invalid="true"] {
        border: none;
      }
      textarea::selection {
        background: color-mix(in srgb, var(--accent) 30%, transparent);
      }
      .comment {
        color: var(--dim);
        font-style: italic;
      }
      .text {
        color: var(--met);
      }
      .number {
        color: var(--series-1);
      }
      .word {
        color: var(--accent);
        font-weight: 600;
      }
      .thing {
        color: var(--advice);
      }
      .odd {
        color: var(--missed);
      }
      .spot {
        background: var(--miss-ground);
        text-decoration: underline wavy var(--missed);
      }
      @media (forced-colors: active) {
        .shown {
          visibility: hidden;
        }
        textarea {
          -webkit-text-fill-color: currentcolor;
        }
      }
    `,
  ];

  override updated(changed: PropertyValues<this>): void {
    // only where it is another one: to set it moves the caret
    if (changed.has("value") && this.area.value !== this.value) this.area.value = this.value;
  }

  override render() {
    const lines = this.value.length > LONG ? this.value.split("\n").map((text): Token[] => [{ kind: "name", text }]) : linesOf(this.value);
    const wrong = new Map(this.spots.map((one) => [one.line, one.column]));
    return html`<div class="box ${wrong.size > 0 ? "wrong-there" : ""}">
      <div class="numbers" aria-hidden="true">${lines.map((_, at) => html`${wrong.has(at + 1) ? html`<b>▲ ${at + 1}</b>` : at + 1}${"\n"}`)}</div>
      <div class="field">
        <div class="shown" aria-hidden="true">${lines.map((line, at) => html`${coloured(line, wrong.get(at + 1))}${"\n"}`)}</div>
        <textarea
          wrap="off"
          spellcheck="false"
          autocomplete="off"
          autocapitalize="off"
          aria-label=${this.label}
          aria-invalid=${wrong.size > 0 ? "true" : "false"}
          aria-description=${this.describedby || nothing}
          ?readonly=${this.readonly}
          @input=${() => this.emit("text", this.area.value)}
        ></textarea>
      </div>
    </div>`;
  }

  /** Moves the caret, and the focus, to a place. */
  goTo({ line, column }: Spot): void {
    const at = offsetOf(this.value, line, column);
    this.area.focus();
    this.area.setSelectionRange(at, at);
    const height = this.area.getBoundingClientRect().height / Math.max(1, this.value.split("\n").length);
    const box = this.renderRoot.querySelector(".box")!;
    box.scrollTop = Math.max(0, height * (line - 1) - box.clientHeight / 2);
  }

  override focus(): void {
    this.area?.focus();
  }
}

/** A line; the token at `column` is wrong. */
function coloured(line: readonly Token[], column: number | undefined) {
  let end = 0; // characters up to there
  let marked = false;
  const parts = line.map(({ kind, text }) => {
    end += [...text].length;
    const here = column !== undefined && !marked && column <= end;
    marked ||= here;
    return kind === "blank" || (kind === "name" && !here) ? text : html`<span class="${kind} ${here ? "spot" : ""}">${text}</span>`;
  });
  return parts;
}

/** What the dialogs that make and change partitions have in common. */

import type { CSSResultGroup } from "lit";
import { ApiError, asApiError } from "../api/client";
import { css, html, HpmElement, nothing, query, state, type TemplateResult } from "../base/element";
import { draft, keepDraft } from "../base/preferences";
import { t } from "../base/texts";
import { complaint } from "../base/notices";
import type { DialogPart } from "../parts/dialog";

export interface FieldWords {
  label: string;
  help: string;
  /** Names of the API that errors about it name, beside its own. */
  paths?: readonly string[];
  type?: "number" | "text";
  min?: string;
  step?: string;
  placeholder?: string;
  autofocus?: boolean;
  /** Why it does not work on this host; then it cannot be typed in. */
  lacking?: string;
  /** What is wrong with what is typed, before it is sent. */
  wrong?: string;
}

/** `F`: what the fields say, as text. What was typed survives a reload, until the dialog is closed. */
export abstract class PartitionDialog<F extends object> extends HpmElement {
  @state() protected shown = false;
  @state() protected form!: F;
  @state() protected busy = false;
  @state() protected error: ApiError | string | null = null;
  @state() private offered = false;
  @query("hpm-dialog") protected dialog!: DialogPart;

  static override styles: CSSResultGroup = [
    HpmElement.styles,
    css`
      fieldset > .choice {
        min-height: 30px;
        padding: 2px 0;
      }
    `,
  ];

  /** What the draft is kept as. */
  protected abstract readonly keptAs: string;

  protected begin(form: F): void {
    const kept = draft<F>(this.keptAs);
    this.form = kept ?? form;
    this.offered = kept !== null;
    this.error = null;
    this.shown = true;
    void this.updateComplete.then(() => this.dialog.show());
  }

  protected abstract content(): TemplateResult;
  /** Sends it, or gives what is wrong with the fields. Raises `ApiError`. */
  protected abstract send(): Promise<string | null>;

  override render() {
    return this.shown ? this.content() : nothing;
  }

  protected frame(heading: string, action: string, content: TemplateResult, wide = false): TemplateResult {
    return html`<hpm-dialog
      .heading=${heading}
      .action=${action}
      ?wide=${wide}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.save}
      @close=${this.closed}
    >
      ${this.offered ? html`<p class="help">${t("This is what you typed before and did not save.")}</p>` : nothing} ${content}
    </hpm-dialog>`;
  }

  protected type(change: Partial<F>): void {
    this.form = { ...this.form, ...change };
    keepDraft(this.keptAs, this.form);
  }

  protected field(name: keyof F & string, words: FieldWords): TemplateResult {
    const wrong = words.wrong || this.wrong([name, ...(words.paths ?? [])]);
    return html`<div class="field">
      <label for=${name}>${words.label}</label>
      <input
        id=${name}
        type=${words.type ?? "number"}
        min=${words.min ?? nothing}
        step=${words.step ?? "1"}
        placeholder=${words.placeholder ?? nothing}
        autocomplete="off"
        spellcheck="false"
        ?autofocus=${words.autofocus ?? false}
        ?disabled=${Boolean(words.lacking)}
        .value=${String(this.form[name])}
        aria-invalid=${wrong ? "true" : "false"}
        aria-describedby="${name}-help ${name}-wrong"
        @input=${(event: Event) => this.type({ [name]: (event.target as HTMLInputElement).value } as unknown as Partial<F>)}
      />
      <span class="help" id="${name}-help">${words.lacking ? t("Not on this host: {why}", { why: words.lacking }) : words.help}</span>
      <span id="${name}-wrong" role="status">${wrong ? html`<span class="wrong">${wrong}</span>` : nothing}</span>
    </div>`;
  }

  protected check(name: keyof F & string, label: string, help: string): TemplateResult {
    return html`<div class="field">
      <label class="choice">
        <input
          id=${name}
          type="checkbox"
          aria-describedby="${name}-help"
          .checked=${Boolean(this.form[name])}
          @change=${(event: Event) => this.type({ [name]: (event.target as HTMLInputElement).checked } as unknown as Partial<F>)}
        />${label}
      </label>
      <span class="help" id="${name}-help">${help}</span>
    </div>`;
  }

  /** What the API says is wrong with one of these fields; "": nothing. */
  protected wrong(names: readonly string[]): string {
    const { error } = this;
    if (!(error instanceof ApiError) || !error.field) return "";
    const steps = error.field.split(/[.[]/);
    return names.some((name) => steps.includes(name)) ? complaint(error, error.said) : "";
  }

  /** The label of a field in which no number stands; "": there is none. */
  protected noNumber(): string {
    const bad = [...this.renderRoot.querySelectorAll("input")].find((one) => one.validity.badInput);
    return bad?.labels?.[0]?.textContent?.trim() ?? "";
  }

  private readonly closed = (): void => {
    keepDraft(this.keptAs, null);
    this.shown = false;
  };

  private readonly save = async (event: Event): Promise<void> => {
    event.stopPropagation();
    const bad = this.noNumber();
    if (bad) {
      this.error = t("{field}: a number is needed, or nothing.", { field: bad });
      return;
    }
    this.busy = true;
    this.error = null;
    try {
      const wrong = await this.send();
      if (wrong === null) this.dialog.close();
      else this.error = wrong;
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.busy = false;
    }
  };
}

/** The number that is typed; null: none is. */
export const numberIn = (text: string): number | null => (text.trim() === "" ? null : Number(text));

/** As it stands in a field. */
export const textOf = (value: number | string | null | undefined): string => (value === null || value === undefined ? "" : String(value));

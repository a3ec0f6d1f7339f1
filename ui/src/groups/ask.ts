/** A dialog that asks for one of several things: which policy is to be active, which group servers are to go to. */

import { ApiError, asApiError } from "../api/client";
import { css, customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";

export interface Option {
  key: string;
  label: string;
  help?: string;
}

export interface Question {
  heading: string;
  action: string;
  options: readonly Option[];
  chosen: string;
  /** Does it; what it raises is shown. */
  run: (key: string) => Promise<void>;
}

/** Options beyond which there is a field to search them. */
const MANY = 10;

@customElement("hpm-group-ask")
export class GroupAskPart extends HpmElement {
  @state() private question: Question | null = null;
  @state() private chosen = "";
  @state() private search = "";
  @state() private busy = false;
  @state() private error: ApiError | string | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;

  static override styles = [
    HpmElement.styles,
    css`
      fieldset {
        display: grid;
        gap: 8px;
      }
      .choice {
        min-height: 24px;
      }
      .choice span {
        overflow-wrap: anywhere;
      }
    `,
  ];

  ask(question: Question): void {
    this.question = question;
    this.chosen = question.chosen;
    this.search = "";
    this.error = null;
    this.dialog.show();
  }

  override render() {
    const { question } = this;
    const wanted = this.search.trim().toLocaleLowerCase();
    const options = question?.options.filter((one) => one.label.toLocaleLowerCase().includes(wanted) || one.key === this.chosen) ?? [];
    return html`<hpm-dialog
      heading=${question?.heading ?? ""}
      action=${question?.action ?? ""}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.run}
      @close=${() => (this.question = null)}
    >
      ${question
        ? html`<div class="stack">
            ${question.options.length > MANY
              ? html`<div class="field">
                  <label for="search">${t("Search")}</label>
                  <input id="search" type="search" autofocus .value=${this.search} @input=${(event: InputEvent) =>
                    (this.search = (event.target as HTMLInputElement).value)} />
                </div>`
              : nothing}
            <fieldset aria-label=${question.heading}>
              ${options.map(
                (one) => html`<label class="choice">
                  <input type="radio" name="choice" .checked=${one.key === this.chosen} @change=${() => (this.chosen = one.key)} />
                  <span>${one.label}${one.help ? html`<br /><span class="help">${one.help}</span>` : nothing}</span>
                </label>`,
              )}
            </fieldset>
          </div>`
        : nothing}
    </hpm-dialog>`;
  }

  private readonly run = async (event: Event): Promise<void> => {
    event.stopPropagation();
    this.busy = true;
    this.error = null;
    try {
      await this.question!.run(this.chosen);
      this.dialog.close();
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.busy = false;
    }
  };
}

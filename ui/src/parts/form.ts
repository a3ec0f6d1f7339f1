/**
 * A form for some of hpm's settings: what was typed survives a reload until it is applied or discarded (secrets do
 * not), Apply tells what is wrong, at the field and in a summary that takes the focus, and who may only read sees the
 * values. Dispatches `saved` when they are set.
 */

import { ApiError, asApiError } from "../api/client";
import type { Settings, SettingsUpdate } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, html, HpmElement, nothing, property, state, type TemplateResult } from "../base/element";
import { NONE } from "../base/format";
import { complaint, tell } from "../base/notices";
import { draft, keepDraft } from "../base/preferences";
import { t } from "../base/texts";

export interface Field {
  name: string;
  label: string;
  help?: string;
  /** Where the value stands in the request; errors of the API name it. */
  path: string;
  type?: "text" | "number" | "password" | "url" | "select" | "check";
  options?: readonly (readonly [value: string, label: string])[];
}

export type Values = Record<string, string>;

interface Draft {
  typed: Values;
  begun: string | null;
}

export abstract class FormPart extends HpmElement {
  @property({ attribute: false }) settings!: Settings;
  @state() protected busy = false;
  @state() private typed: Values = {};
  @state() private error: ApiError | null = null;
  /** The values that were set when the first key was pressed: who changed them since is not overruled. */
  private begun: string | null = null;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .fields {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr));
        gap: var(--gap);
        align-items: start;
      }
      .summary {
        padding: 8px 12px;
        border: 1px solid var(--missed);
        border-inline-start-width: 6px;
      }
      h2,
      fieldset h3 {
        margin-bottom: 4px;
      }
      fieldset {
        border-top: 1px solid var(--line);
        padding: 8px 0 0;
      }
      legend {
        padding: 0 8px 0 0;
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 4px 24px;
      }
    `,
  ];

  /** What the form is called in the browser's memory. */
  protected abstract readonly name: string;
  protected abstract readonly heading: string;
  protected abstract fields(): readonly Field[];
  /** The values that are set now. */
  protected abstract known(): Values;
  /** The request for these values; `number` reads one, or raises what is wrong with it. */
  protected abstract wanted(values: Values): SettingsUpdate;

  override connectedCallback(): void {
    super.connectedCallback();
    const kept = mayWrite() ? draft<Draft>(this.name) : null;
    this.typed = kept?.typed ?? {};
    this.begun = kept?.begun ?? null;
  }

  override render(): TemplateResult {
    return html`<section class="panel stack" aria-label=${this.heading}>
      <h2>${this.heading}</h2>
      ${mayWrite() ? this.form() : this.shown()}
    </section>`;
  }

  /** The values as they are shown to who may not change them. */
  protected shown(): TemplateResult {
    const known = this.known();
    return html`<dl>
      ${this.fields()
        .filter((one) => one.type !== "password" && one.type !== "check")
        .map((one) => {
          const option = one.options?.find(([value]) => value === known[one.name]);
          return html`<dt>${one.label}</dt><dd>${option ? option[1] : known[one.name] || NONE}</dd>`;
        })}
    </dl>`;
  }

  private form(): TemplateResult {
    return html`<form class="stack" novalidate @submit=${this.submitted}>
      ${this.error ? html`<p class="summary" role="alert" tabindex="-1">${t("Not applied.")} ${this.summary(this.error)}</p>` : nothing}
      ${this.layout()}
      <div class="row">
        <button class=${this.changed ? "primary" : ""} type="submit" ?disabled=${this.busy}>${this.busy ? t("Working…") : t("Apply")}</button>
        ${this.changed
          ? html`<button type="button" @click=${this.discard}>${t("Discard changes")}</button>
              <span class="help" role="status">${t("Not applied yet")}</span>`
          : nothing}
        ${this.more()}
      </div>
    </form>`;
  }

  /** The fields in their order; a form with many puts them in groups. */
  protected layout(): TemplateResult {
    return html`<div class="fields">${this.fields().map((one) => this.field(one))}</div>`;
  }

  /** Buttons beside Apply. */
  protected more(): TemplateResult | typeof nothing {
    return nothing;
  }

  /** What stands in a field now. */
  protected value(name: string): string {
    return this.typed[name] ?? this.known()[name] ?? "";
  }

  protected get changed(): boolean {
    const known = this.known();
    return Object.entries(this.typed).some(([name, value]) => value !== (known[name] ?? ""));
  }

  protected field(one: Field): TemplateResult {
    const wrong = this.error && this.error.field === one.path ? complaint(this.error, this.error.said) : "";
    const told = [one.help ? `${one.name}-help` : "", wrong ? `${one.name}-wrong` : ""].filter(Boolean).join(" ") || nothing;
    const help = one.help ? html`<span class="help" id="${one.name}-help">${one.help}</span>` : nothing;
    const invalid = wrong ? "true" : nothing;
    const type = (event: Event) => this.type(one, (event.target as HTMLInputElement).value);
    if (one.type === "check") {
      return html`<div class="field">
        <label class="choice">
          <input
            id=${one.name}
            type="checkbox"
            aria-describedby=${told}
            .checked=${this.value(one.name) === "yes"}
            @change=${(event: Event) => this.type(one, (event.target as HTMLInputElement).checked ? "yes" : "")}
          />${one.label}
        </label>
        ${help}
      </div>`;
    }
    const control =
      one.type === "select"
        ? html`<select id=${one.name} aria-describedby=${told} aria-invalid=${invalid} @change=${type}>
            ${one.options!.map(([value, label]) => html`<option value=${value} .selected=${value === this.value(one.name)}>${label}</option>`)}
          </select>`
        : html`<input
            id=${one.name}
            type=${one.type === "number" ? "number" : (one.type ?? "text")}
            step=${one.type === "number" ? "any" : nothing}
            autocomplete=${one.type === "password" ? "new-password" : "off"}
            spellcheck="false"
            aria-describedby=${told}
            aria-invalid=${invalid}
            .value=${this.value(one.name)}
            @input=${type}
          />`;
    return html`<div class="field">
      <label for=${one.name}>${one.label}</label>
      ${control} ${wrong ? html`<span class="wrong" id="${one.name}-wrong">${wrong}</span>` : nothing} ${help}
    </div>`;
  }

  /** What is wrong, with the field by the name that it has here. */
  private summary(error: ApiError): string {
    const field = this.fields().find((one) => one.path !== "" && one.path === error.field);
    return field ? t("{field}: {wrong}", { field: field.label, wrong: complaint(error, error.said) }) : complaint(error);
  }

  /** The number in a field. Raises `ApiError` where there is none. */
  protected number(values: Values, name: string): number {
    const text = values[name]?.trim() ?? "";
    const value = Number(text);
    if (text !== "" && !Number.isNaN(value)) return value;
    const { path } = this.fields().find((one) => one.name === name)!;
    throw new ApiError(t("A number is needed."), 0, 0, null, { path });
  }

  private type(one: Field, value: string): void {
    this.begun ??= JSON.stringify(this.known());
    this.typed = { ...this.typed, [one.name]: value };
    this.keep();
  }

  /** Keeps what was typed for after a reload; a secret stays in this page alone. */
  private keep(): void {
    const secret = new Set(this.fields().filter((one) => one.type === "password").map((one) => one.name));
    const kept = Object.fromEntries(Object.entries(this.typed).filter(([name]) => !secret.has(name)));
    keepDraft(this.name, this.changed ? { typed: kept, begun: this.begun } : null);
  }

  private readonly discard = (): void => {
    this.typed = {};
    this.begun = null;
    this.error = null;
    keepDraft(this.name, null);
  };

  private async submitted(event: Event): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    try {
      await this.apply();
    } catch (error) {
      this.refuse(error);
    } finally {
      this.busy = false;
    }
  }

  /** The ETag is of all settings, and others of them than this form's may change; they are no reason to ask anybody. */
  private async apply(tries = 2): Promise<void> {
    const fresh = await app.client.get<Settings>("/settings");
    this.settings = fresh.content;
    const known = JSON.stringify(this.known());
    if (this.begun !== null && this.begun !== known) {
      this.begun = known; // who applies again has been told
      throw new ApiError(t("Somebody changed these settings meanwhile. What you typed is still here; look at it again, and apply."));
    }
    try {
      await this.post(this.wanted({ ...this.known(), ...this.typed }), fresh.etag);
    } catch (error) {
      if (tries <= 1 || !(error instanceof ApiError) || error.status !== 412) throw error;
      await this.apply(tries - 1);
    }
  }

  /** Sets it, and forgets what was typed; with an ETag only if the settings still have that. Raises `ApiError`. */
  protected async post(body: SettingsUpdate, etag: string | null = null): Promise<void> {
    await app.client.post<Settings>("/settings", body, { etag });
    this.discard();
    tell(t("{form}: applied.", { form: this.heading }));
    this.emit("saved");
  }

  private refuse(error: unknown): void {
    this.error = asApiError(error);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(".summary")?.focus());
  }
}

/** What the dialogs that change a virtual server have in common. */

import { type Answer, ApiError, asApiError } from "../api/client";
import type { Server, ServerUpdate } from "../api/types";
import { app } from "../base/app";
import { html, HpmElement, nothing, property, query, state, type TemplateResult } from "../base/element";
import { draft, keepDraft } from "../base/preferences";
import { t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";

const WRONG_STATE = 2;

/** What was saved, and what takes it back. */
export interface Saved {
  answer: Answer<Server>;
  back: ServerUpdate;
}

interface Draft<F> {
  form: F;
  etag: string | null;
}

/**
 * A dialog about `server`; `etag` is that of its state then. Dispatches `saved` (`Saved`). `F`: what its fields say.
 *
 * Where somebody else changed the server meanwhile, what is there now is shown, what was typed stays, and to save again
 * is to have it so. What was typed survives a reload, until the dialog is closed.
 */
export abstract class ServerDialog<F extends object = object> extends HpmElement {
  @property({ attribute: false }) server: Server | null = null;
  @state() protected form!: F;
  /** What is shown was typed before. */
  @state() private offered = false;
  @state() protected busy = false;
  @state() protected error: ApiError | string | null = null;
  /** Somebody else changed it since the dialog was opened. */
  @state() protected overtaken = false;
  protected etag: string | null = null;
  @query("hpm-dialog") protected dialog!: DialogPart;

  async open(server: Server, etag: string | null): Promise<void> {
    const begun = await this.begin(server);
    this.server = server;
    const kept = draft<Draft<F>>(this.keptAs);
    this.form = kept?.form ?? begun;
    this.etag = kept?.etag ?? etag;
    this.offered = kept !== null;
    this.error = null;
    this.overtaken = false;
    await this.updateComplete;
    this.dialog.show();
  }

  /** What the server has, as the fields say it. */
  protected abstract begin(server: Server): F | Promise<F>;

  protected abstract content(): TemplateResult;

  /** What the fields say, or what is wrong with them. */
  protected abstract wanted(): ServerUpdate | string;

  /** What makes all that is wanted as `server` was before. */
  protected back(wanted: ServerUpdate, server: Server): ServerUpdate {
    const before = Object.keys(wanted).filter((name) => name in server).map((name) => [name, server[name as keyof Server]]);
    return { ...(Object.fromEntries(before) as Partial<ServerUpdate>), move: false, release: false };
  }

  override render() {
    return this.server ? this.content() : nothing;
  }

  /** Something was typed. */
  protected type(change: Partial<F>): void {
    this.form = { ...this.form, ...change };
    keepDraft(this.keptAs, { form: this.form, etag: this.etag } satisfies Draft<F>);
  }

  private get keptAs(): string {
    return `${this.localName}-${this.server!["object-id"]}`;
  }

  private readonly forget = (): void => keepDraft(this.keptAs, null);

  protected frame(heading: string, action: string, content: TemplateResult): TemplateResult {
    return html`<hpm-dialog
      .heading=${heading}
      .action=${this.overtaken ? t("Save nevertheless") : action}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.save}
      @close=${this.forget}
    >
      ${this.offered ? html`<p class="help">${t("This is what you typed before and did not save.")}</p>` : nothing} ${content}
    </hpm-dialog>`;
  }

  /** What is there now, beside a field, once somebody else changed it. */
  protected nowText(text: string): TemplateResult | typeof nothing {
    return this.overtaken ? html`<span class="wrong">${t("There now: {value}", { value: text })}</span>` : nothing;
  }

  /** What is wrong with a field, as the API says. */
  protected wrong(field: string): TemplateResult | typeof nothing {
    return this.isWrong(field) ? html`<span class="wrong" id="wrong-${field}">${(this.error as ApiError).message}</span>` : nothing;
  }

  protected isWrong(field: string): boolean {
    return this.error instanceof ApiError && this.error.field.startsWith(field);
  }

  protected readonly save = async (): Promise<void> => {
    const server = this.server!;
    const wanted = this.wanted();
    if (typeof wanted === "string") {
      this.error = wanted;
      return;
    }
    this.busy = true;
    this.error = null;
    try {
      const answer = await app.client.post<Server>(`/virtual-servers/${server["object-id"]}`, wanted, { etag: this.etag });
      this.dialog.close();
      this.emit<Saved>("saved", { answer, back: this.back(wanted, server) });
    } catch (error) {
      await this.refused(asApiError(error));
    } finally {
      this.busy = false;
    }
  };

  private async refused(error: ApiError): Promise<void> {
    const other = error.status === 412 || (error.status === 409 && error.reason === WRONG_STATE);
    if (!other) {
      this.error = error;
      return;
    }
    try {
      const now = await app.client.get<Server>(`/virtual-servers/${this.server!["object-id"]}`);
      this.server = now.content;
      this.etag = now.etag;
      this.overtaken = error.status === 412;
      this.error = this.overtaken
        ? t("Somebody else changed {name} meanwhile. Look at what is there now, and save again if it is to be as you say.", { name: now.content.name })
        : error;
    } catch (failed) {
      this.error = asApiError(failed);
    }
  }
}

/** What the dialogs that change a virtual server have in common. */

import { ApiError } from "../api/client";
import type { Server, ServerUpdate } from "../api/types";
import { app } from "../base/app";
import { html, HpmElement, nothing, property, query, state, type TemplateResult } from "../base/element";
import { t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";

const WRONG_STATE = 2;

/**
 * A dialog about `server`; `etag` is that of its state then. Dispatches `saved` with the server as it came to be.
 *
 * Where somebody else changed the server meanwhile, what is there now is shown, what was typed stays, and to save again
 * is to have it so.
 */
export abstract class ServerDialog extends HpmElement {
  @property({ attribute: false }) server: Server | null = null;
  @state() protected busy = false;
  @state() protected error: ApiError | string | null = null;
  /** Somebody else changed it since the dialog was opened. */
  @state() protected overtaken = false;
  protected etag: string | null = null;
  @query("hpm-dialog") protected dialog!: DialogPart;

  async open(server: Server, etag: string | null): Promise<void> {
    this.server = server;
    this.etag = etag;
    this.error = null;
    this.overtaken = false;
    await this.begin(server);
    await this.updateComplete;
    this.dialog.show();
  }

  /** Puts into the fields what the server has. */
  protected abstract begin(server: Server): void | Promise<void>;

  /** What the fields say, or what is wrong with them. */
  protected abstract wanted(): ServerUpdate | string;

  protected frame(heading: string, action: string, content: TemplateResult): TemplateResult {
    return html`<hpm-dialog
      .heading=${heading}
      .action=${this.overtaken ? t("Save nevertheless") : action}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.save}
    >
      ${content}
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
      this.emit("saved", answer.content);
    } catch (error) {
      await this.refused(error as ApiError);
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
      this.error = failed as ApiError;
    }
  }
}

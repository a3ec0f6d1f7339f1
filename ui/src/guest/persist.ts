/** Asks whether a server's guest policy is to be written into its lasting definition, and tells what of it was. */

import { ApiError, asApiError } from "../api/client";
import type { PersistedPolicy } from "../api/types";
import { app } from "../base/app";
import { customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { list } from "../base/format";
import { t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { fieldLabel, type FieldName } from "./words";

@customElement("hpm-guest-persist")
export class GuestPersist extends HpmElement {
  @state() private server: { id: string; name: string } | null = null;
  @state() private result: PersistedPolicy | null = null;
  @state() private busy = false;
  @state() private error: ApiError | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;

  ask(server: { id: string; name: string }): void {
    this.server = server;
    this.result = null;
    this.error = null;
    this.dialog.show();
  }

  override render() {
    const { result } = this;
    return html`<hpm-dialog
      .heading=${t("Write the guest policy of {name} into its definition", { name: this.server?.name ?? "" })}
      .action=${result ? "" : t("Write")}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.write}
    >
      ${result ? this.told(result) : html`<p>${t("What is in force is written into its lasting definition, so that it holds from its next start on whoever starts it, also without hpm. hpm does not take that back.")}</p>`}
    </hpm-dialog>`;
  }

  private told(result: PersistedPolicy) {
    const out = Object.entries(result["left-out"]);
    return html`<div class="stack" role="status">
      <p>
        ${result.written.length > 0
          ? t("Written: {fields}.", { fields: list(result.written.map((one) => fieldLabel(one))) })
          : t("Nothing was written.")}
      </p>
      ${out.length > 0
        ? html`<div>
            <h3>${t("Left out")}</h3>
            <ul>${out.map(([name, why]) => html`<li>${fieldLabel(name as FieldName)}: ${why}</li>`)}</ul>
          </div>`
        : nothing}
    </div>`;
  }

  private readonly write = async (event: Event): Promise<void> => {
    event.stopPropagation();
    this.busy = true;
    this.error = null;
    try {
      this.result = (await app.client.post<PersistedPolicy>(`/virtual-servers/${this.server!.id}/effective-policy/persist`)).content;
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.busy = false;
    }
  };
}

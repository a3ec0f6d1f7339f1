/**
 * Chooses a virtual server by its name: what is typed is looked up, and the names that fit are offered. Dispatches
 * `server` with its UUID, "" for none.
 */

import { app } from "../base/app";
import { isAbort } from "../api/client";
import { Resource } from "../api/resource";
import type { Server, ServerSummary } from "../api/types";
import { asking } from "../api/uris";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { complaint } from "../base/notices";
import { t } from "../base/texts";

/** So many names are offered. */
const OFFERED = 20;
/** ms after the last key before it is looked up. */
const PAUSE = 200;

@customElement("hpm-server-search")
export class ServerSearchPart extends HpmElement {
  @property() uuid = "";
  /** What an empty field means. */
  @property() empty = t("all servers");
  @state() private offered: readonly ServerSummary[] = [];
  @state() private said = "";
  private typedText: string | null = null;
  private timer = 0;
  private abort: AbortController | undefined;
  private readonly server = new Resource<Server>(this, () => (this.uuid ? `/virtual-servers/${encodeURIComponent(this.uuid)}` : null), { ticks: false });

  static override styles = [
    HpmElement.styles,
    css`
      .field {
        position: relative;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  override render() {
    const name = this.uuid ? (this.server.value?.name ?? (this.server.error ? this.uuid : "")) : "";
    return html`<div class="field">
      <label for="server">${t("Server")}</label>
      <input
        id="server"
        type="search"
        list="names"
        autocomplete="off"
        spellcheck="false"
        placeholder=${this.empty}
        aria-describedby=${this.said ? "said" : nothing}
        .value=${this.typedText ?? name}
        @input=${this.typed}
        @change=${this.chosen}
      />
      <datalist id="names">${this.offered.map((one) => html`<option value=${one.name}></option>`)}</datalist>
      ${this.said ? html`<span id="said" class="help" role="status">${this.said}</span>` : nothing}
    </div>`;
  }

  /** Moves the focus to the field. */
  override focus(): void {
    this.renderRoot.querySelector("input")?.focus();
  }

  private typed(event: Event): void {
    const text = (event.target as HTMLInputElement).value;
    this.typedText = text;
    this.said = "";
    clearTimeout(this.timer);
    const offered = this.offered.find((one) => one.name === text);
    if (offered) this.choose(offered["object-id"]); // picked from the list
    else if (text) this.timer = window.setTimeout(() => void this.look(text), PAUSE);
    else this.choose("");
  }

  private async chosen(event: Event): Promise<void> {
    const text = (event.target as HTMLInputElement).value.trim();
    if (!text || this.typedText === null) return;
    clearTimeout(this.timer);
    await this.look(text);
    const exact = this.offered.filter((one) => one.name.toLowerCase() === text.toLowerCase());
    const found = exact.length > 0 ? exact : this.offered;
    if (this.said) return;
    if (found.length === 1) this.choose(found[0]!["object-id"]);
    else if (found.length === 0) this.said = t("No server has a name like that.");
    else this.said = t("Several servers have names like that; choose one.");
  }

  private choose(uuid: string): void {
    this.typedText = null;
    this.said = "";
    if (uuid !== this.uuid) this.emit("server", uuid);
    else this.requestUpdate();
  }

  private async look(text: string): Promise<void> {
    this.abort?.abort();
    this.abort = new AbortController();
    const pattern = `*${text.replace(/[\\*?]/g, "\\$&")}*`;
    try {
      type Found = { "virtual-servers": ServerSummary[] };
      const path = asking("/virtual-servers", { name: pattern, limit: OFFERED });
      const { content } = await app.client.get<Found>(path, { signal: this.abort.signal });
      this.offered = content["virtual-servers"];
    } catch (error) {
      if (!isAbort(error)) this.said = complaint(error);
    }
  }
}

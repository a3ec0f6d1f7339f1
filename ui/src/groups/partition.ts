/** The partition that backs a group: where it is said, who does not stand there yet, and the dialog that sets it. */

import { ApiError, asApiError } from "../api/client";
import type { Group, PartitionList } from "../api/types";
import { idOf } from "../api/uris";
import { app, mayWrite } from "../base/app";
import { customElement, html, HpmElement, nothing, property, query, state } from "../base/element";
import { complaint, tellUndo } from "../base/notices";
import { some } from "../base/format";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { inOrder } from "../partitions/data";
import { Resource } from "../api/resource";
import { groupPath } from "./data";

const MOST = 5; // names that are told

/** Dispatches `saved` when the group has another one. */
@customElement("hpm-group-partition")
export class GroupPartitionPart extends HpmElement {
  @property({ attribute: false }) group!: Group;
  /** Names of servers, by their UUIDs. */
  @property({ attribute: false }) names: ReadonlyMap<string, string> = new Map();
  @state() private chosen = "";
  @state() private busy = false;
  @state() private error: ApiError | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;
  private readonly list = new Resource<PartitionList>(this, () => "/partitions", { ticks: false });

  override render() {
    const path = this.group.partition;
    const id = this.list.value?.partitions.find((one) => one.path === path)?.["object-id"];
    const elsewhere = (this.group["virtual-servers-elsewhere"] ?? []).map(idOf);
    const names = elsewhere.map((uuid) => this.names.get(uuid) ?? uuid);
    return html`${t("Partition:")} ${path ? (id ? html`<a href=${link("partitions", id)}>${path}</a>` : path) : html`<span class="dim">${t("none")}</span>`}
      ${mayWrite()
        ? html`<button class="plain" type="button" aria-label=${t("Set the partition that backs the group")} @click=${this.open}>${t("Set…")}</button>`
        : nothing}
      ${elsewhere.length > 0
        ? html`<span class="help" role="status"
            >${plural("{n} of its servers stands elsewhere: {names}.", "{n} of its servers stand elsewhere: {names}.", elsewhere.length, { names: some(names, MOST) })}</span
          >`
        : nothing}
      ${mayWrite() ? this.content() : nothing}`;
  }

  private content() {
    const wrong = this.error?.field.endsWith("partition") ? complaint(this.error, this.error.said) : "";
    const defined = inOrder((this.list.value?.partitions ?? []).filter((one) => one.persistent));
    return html`<hpm-dialog
      heading=${t("Partition of the group {name}", { name: this.group.name })}
      action=${t("Save")}
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.save}
    >
      <div class="stack">
        <p>${t("A group that is backed by a partition has its weight, cap, reserve and limits as a whole.")}</p>
        <div class="field">
          <label for="partition">${t("Partition")}</label>
          <select
            id="partition"
            autofocus
            aria-invalid=${wrong ? "true" : "false"}
            aria-describedby="partition-help"
            @change=${(event: Event) => (this.chosen = (event.target as HTMLSelectElement).value)}
          >
            <option value="" .selected=${this.chosen === ""}>${t("none")}</option>
            ${defined.map((one) => html`<option value=${one.path} .selected=${one.path === this.chosen}>${one.path}</option>`)}
          </select>
          <span class="help" id="partition-help">${t("Its servers stand there from their next start on, when hpm starts them; one of which another partition is said stands in that.")}</span>
          ${wrong ? html`<span class="wrong">${wrong}</span>` : nothing}
        </div>
        ${defined.length === 0 && this.list.value
          ? html`<p class="help">${t("No partition is defined yet.")} <a href=${link("partitions")}>${t("To the partitions")}</a></p>`
          : nothing}
      </div>
    </hpm-dialog>`;
  }

  private readonly open = (): void => {
    this.chosen = this.group.partition ?? "";
    this.error = null;
    void this.list.refresh();
    this.dialog.show();
  };

  private readonly save = async (event: Event): Promise<void> => {
    event.stopPropagation();
    const before = this.group.partition ?? null;
    this.busy = true;
    this.error = null;
    try {
      await this.set(this.chosen || null);
      this.dialog.close();
      tellUndo(t("Group {name} was saved.", { name: this.group.name }), () => this.set(before));
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.busy = false;
    }
  };

  private async set(partition: string | null): Promise<void> {
    await app.client.post<Group>(groupPath(this.group["object-id"]), { partition });
    this.emit("saved");
  }
}

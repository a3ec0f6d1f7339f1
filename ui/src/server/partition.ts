/** The dialog that says in which partition a virtual server stands from its next start on. */

import type { Group, PartitionList, Server, ServerUpdate } from "../api/types";
import { app } from "../base/app";
import { customElement, html, nothing, state } from "../base/element";
import { link } from "../base/page";
import { t } from "../base/texts";
import { inOrder } from "../partitions/data";
import { ServerDialog } from "./dialog";

interface Form {
  /** A path; "": as its group says, or else its definition. */
  partition: string;
  persist: boolean;
}

@customElement("hpm-server-partition")
export class ServerPartition extends ServerDialog<Form> {
  @state() private list: PartitionList | null = null;
  /** The partition that backs its group; null: none does. */
  @state() private ofGroup: string | null = null;

  protected async begin(server: Server) {
    const group = app.client.path(server["workload-resource-group"]);
    const [list, { content }] = await Promise.all([app.client.get<PartitionList>("/partitions"), app.client.get<Group>(group)]);
    this.list = list.content;
    this.ofGroup = content.partition ?? null;
    return { partition: this.own(server) ?? "", persist: false };
  }

  /** What is said of itself; null: nothing. */
  private own(server: Server): string | null {
    return server["partition-at-start-origin"] === "virtual-server" ? (server["partition-at-start"] ?? null) : null;
  }

  protected wanted(): ServerUpdate {
    return { partition: this.form.partition || null, persist: this.form.persist, move: false, release: false };
  }

  protected override back(wanted: ServerUpdate, server: Server): ServerUpdate {
    return { partition: this.own(server), persist: wanted.persist ?? false, move: false, release: false };
  }

  protected content() {
    const { server, form } = this;
    const runs = server?.status === "running" || server?.status === "paused";
    const paths = inOrder(this.list?.partitions ?? []).map((one) => one.path);
    const known = form.partition === "" || paths.includes(form.partition) ? paths : [...paths, form.partition];
    const values = { name: server?.name ?? "", path: server?.partition ?? "" };
    const unsaid = this.ofGroup ? t("as its group says: {path}", { path: this.ofGroup }) : t("as its definition says");
    return this.frame(
      t("Partition of {name}", values),
      t("Save"),
      html`<div class="stack">
        ${runs && server?.partition ? html`<p>${t("It stands in {path}, and stays there while it runs.", values)}</p>` : nothing}
        <div class="field">
          <label for="partition">${t("At its next start")}</label>
          <select
            id="partition"
            autofocus
            aria-invalid=${this.isWrong("partition")}
            @change=${(event: Event) => this.type({ partition: (event.target as HTMLSelectElement).value })}
          >
            <option value="" .selected=${form.partition === ""}>${unsaid}</option>
            ${known.map((path) => html`<option value=${path} .selected=${path === form.partition}>${path}</option>`)}
          </select>
          ${this.nowText(server ? (this.own(server) ?? unsaid) : "")} ${this.wrong("partition")}
        </div>
        <div class="field">
          <label class="choice">
            <input type="checkbox" aria-describedby="persist-help" .checked=${form.persist} @change=${(event: Event) => this.type({ persist: (event.target as HTMLInputElement).checked })} />
            ${t("Write it into its lasting definition, too")}
          </label>
          <span class="help" id="persist-help">${t("Then it holds whoever starts the server; else only where hpm does.")}</span>
        </div>
        ${paths.length < 2 ? html`<p class="help">${t("There is no partition below the root yet.")} <a href=${link("partitions")}>${t("To the partitions")}</a></p>` : nothing}
      </div>`,
    );
  }
}

/** The dialog that puts a virtual server in another group. */

import type { GroupSummary, Server, ServerUpdate } from "../api/types";
import { idOf } from "../api/uris";
import { app } from "../base/app";
import { customElement, html, nothing, state } from "../base/element";
import { plural, t } from "../base/texts";
import { importanceWord } from "../base/words";
import { ServerDialog } from "./dialog";

@customElement("hpm-server-move")
export class ServerMove extends ServerDialog<{ target: string }> {
  @state() private groups: readonly GroupSummary[] = [];

  protected async begin() {
    const answer = await app.client.get<{ "workload-resource-groups": GroupSummary[] }>("/workload-resource-groups");
    this.groups = answer.content["workload-resource-groups"];
    return { target: "" };
  }

  protected wanted(): ServerUpdate | string {
    const { target } = this.form;
    if (!target) return t("Choose a group.");
    // the heading and the button say which group it leaves
    return { "workload-resource-group": target, move: !this.current()?.["is-default"], release: false };
  }

  protected override back(_wanted: ServerUpdate, server: Server): ServerUpdate {
    return { "workload-resource-group": idOf(server["workload-resource-group"]), move: true, release: false };
  }

  protected content() {
    const current = this.current();
    const others = this.groups.filter((one) => one !== current);
    const target = others.find((one) => one["object-id"] === this.form.target);
    const leaves = current && !current["is-default"];
    const values = { name: this.server?.name ?? "", group: current?.name ?? "", target: target?.name ?? "" };
    return this.frame(
      t("Move {name} to another group", values),
      leaves ? t("Take it from {group}", values) : t("Move"),
      html`<div class="stack">
        <p>${leaves ? t("It is in the group {group}, and leaves it.", values) : t("It is in the group default, as all that were put in no other.")}</p>
        <div class="field">
          <label for="group">${t("Group")}</label>
          <select
            id="group"
            autofocus
            aria-invalid=${this.isWrong("workload-resource-group")}
            @change=${(event: Event) => this.type({ target: (event.target as HTMLSelectElement).value })}
          >
            <option value="" .selected=${!target}>${t("Choose a group")}</option>
            ${others.map((one) => html`<option value=${one["object-id"]} .selected=${one === target}>${one.name}</option>`)}
          </select>
          ${this.nowText(values.group)} ${this.wrong("workload-resource-group")}
        </div>
        ${others.length === 0 ? html`<p class="dim">${t("There is no other group yet. Create one on the page of workload resource groups.")}</p>` : nothing}
        ${target ? html`<p class="dim">${told(target)}</p>` : nothing}
      </div>`,
    );
  }

  private current(): GroupSummary | undefined {
    const uri = this.server?.["workload-resource-group"];
    return this.groups.find((one) => one["object-uri"] === uri);
  }
}

/** What awaits a server in a group. */
function told(group: GroupSummary): string {
  const servers = plural("It has {n} server.", "It has {n} servers.", group["virtual-server-count"]);
  const policy = group["active-policy"];
  const values = { policy: policy ?? "", importance: importanceWord(group.importance) };
  return policy
    ? `${servers} ${t("Its active policy is {policy}, of importance {importance}; that says which service class it gets.", values)}`
    : `${servers} ${t("It has no active policy, so its servers keep their shares.")}`;
}

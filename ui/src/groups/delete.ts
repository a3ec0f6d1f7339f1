/** Deletes a group, once its name has been typed: that cannot be undone. Dispatches `deleted`. */

import { ApiError, asApiError } from "../api/client";
import type { GroupSummary } from "../api/types";
import { app } from "../base/app";
import { customElement, html, HpmElement, nothing, query, state } from "../base/element";
import { tell } from "../base/notices";
import { plural, t } from "../base/texts";
import type { DialogPart } from "../parts/dialog";
import { groupPath } from "./data";

@customElement("hpm-group-delete")
export class GroupDeletePart extends HpmElement {
  @state() private group: GroupSummary | null = null;
  @state() private typed = "";
  @state() private busy = false;
  @state() private error: ApiError | string | null = null;
  @query("hpm-dialog") private dialog!: DialogPart;

  ask(group: GroupSummary): void {
    this.group = group;
    this.typed = "";
    this.error = null;
    this.dialog.show();
  }

  override render() {
    const { group } = this;
    const name = group?.name ?? "";
    return html`<hpm-dialog
      heading=${t("Delete group {name}", { name })}
      action=${t("Delete group {name}", { name })}
      danger
      .busy=${this.busy}
      .error=${this.error}
      @save=${this.delete}
      @close=${() => (this.group = null)}
    >
      ${group
        ? html`<div class="stack">
            <p>${consequence(group)} ${t("Its policies are deleted too. This cannot be undone.")}</p>
            <div class="field">
              <label for="name">${t("Type the name of the group, {name}, to delete it", { name })}</label>
              <input
                id="name"
                autofocus
                autocomplete="off"
                .value=${this.typed}
                @input=${(event: InputEvent) => (this.typed = (event.target as HTMLInputElement).value)}
              />
            </div>
          </div>`
        : nothing}
    </hpm-dialog>`;
  }

  private readonly delete = async (event: Event): Promise<void> => {
    event.stopPropagation();
    const group = this.group!;
    if (this.typed.trim() !== group.name) {
      // the same text again would not be told again
      this.error = null;
      await this.updateComplete;
      this.error = t("That is not its name: type {name}.", { name: group.name });
      return;
    }
    this.busy = true;
    this.error = null;
    try {
      await app.client.delete(groupPath(group["object-id"]));
      this.dialog.close();
      tell(t("Group {name} was deleted.", { name: group.name }));
      this.emit("deleted", group);
    } catch (error) {
      this.error = asApiError(error);
    } finally {
      this.busy = false;
    }
  };
}

/** What becomes of the group's servers. */
function consequence(group: GroupSummary): string {
  const n = group["virtual-server-count"];
  return n === 0 ? t("It has no servers.") : plural("Its server goes to default.", "Its {n} servers go to default.", n);
}

/** Where servers that are dragged on the page of a group can be dropped: all other groups. Seen only while they are. */

import type { GroupSummary } from "../api/types";
import { css, customElement, html, HpmElement, property, state } from "../base/element";
import { t } from "../base/texts";
import { dropped, moveServers, takes } from "./moving";

@customElement("hpm-drop-strip")
export class DropStripPart extends HpmElement {
  @property({ attribute: false }) groups: readonly GroupSummary[] = [];
  @state() private over = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        position: fixed;
        inset: auto 0 0 0;
        z-index: 9;
        padding: 12px 24px;
        max-height: 40vh;
        overflow: auto;
        background: var(--raised);
        border-top: 1px solid var(--line);
        box-shadow: 0 -4px 16px rgb(0 0 0 / 20%);
      }
      .target {
        padding: 10px 16px;
        border: 2px dashed var(--edge);
        border-radius: var(--radius);
      }
      .target.over {
        border-color: var(--accent);
        background: var(--chosen);
      }
    `,
  ];

  override render() {
    return html`<p class="help">${t("Drop on the group that they are to go to")}</p>
      <div class="row">
        ${this.groups.map(
          (one) => html`<div
            class="target ${this.over === one["object-id"] ? "over" : ""}"
            @dragover=${(event: DragEvent) => takes(event) && (this.over = one["object-id"])}
            @dragleave=${() => (this.over = "")}
            @drop=${(event: DragEvent) => this.drop(event, one)}
          >
            ${one.name}
          </div>`,
        )}
      </div>`;
  }

  private drop(event: DragEvent, group: GroupSummary): void {
    this.over = "";
    void moveServers(dropped(event), { id: group["object-id"], name: group.name });
  }
}

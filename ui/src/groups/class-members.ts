/** The servers of a service class: how they stand to its goal, and whether hpm manages them. */

import { Resource } from "../api/resource";
import type { Server } from "../api/types";
import { asking } from "../api/uris";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { index, percent } from "../base/format";
import { link } from "../base/page";
import { t } from "../base/texts";
import { whyLeftAlone } from "../base/words";
import { MEMBER_KINDS } from "./data";

const MOST = 50; // that are listed; all of them stand on the page of servers

@customElement("hpm-class-members")
export class ClassMembersPart extends HpmElement {
  @property() group = ""; // its id
  @property() name = "";
  /** How many servers the class has. */
  @property({ type: Number }) count = 0;
  private readonly servers = new Resource<{ "virtual-servers": Server[] }>(this, () => this.path(), { kinds: MEMBER_KINDS });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        padding: 0 0 12px 1.8em;
      }
      td,
      th {
        height: 30px;
      }
      .scroll {
        overflow-x: auto;
      }
    `,
  ];

  override render() {
    if (this.count === 0) return html`<p class="help">${t("Its rule takes no server of the group.")}</p>`;
    const { value, error } = this.servers;
    if (!value) {
      return error
        ? html`<hpm-problem .what=${t("The servers cannot be shown.")} .error=${error} @retry=${() => this.servers.refresh()}></hpm-problem>`
        : html`<hpm-skeleton rows="2"></hpm-skeleton>`;
    }
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("Servers of {name}", { name: this.name })}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t("Virtual server")}</th>
              <th scope="col">${t("Goal")}</th>
              <th scope="col" class="number">${t("Velocity, %")}</th>
              <th scope="col" class="number">${t("PI")}</th>
              <th scope="col">${t("Management")}</th>
            </tr>
          </thead>
          <tbody>
            ${value["virtual-servers"].map((server) => this.member(server))}
          </tbody>
        </table>
      </div>
      ${this.count > MOST
        ? html`<p class="help">
            ${t("The first {n} are shown.", { n: MOST })} <a href=${link("servers", "", { group: this.group, class: this.name })}>${t("Show all {n}", { n: this.count })}</a>
          </p>`
        : nothing}`;
  }

  private member(server: Server) {
    const why = server["management-reason"];
    return html`<tr>
      <td><a href=${link("servers", server["object-id"])}>${server.name}</a></td>
      <td><hpm-status status=${server["goal-status"]}></hpm-status></td>
      <td class="number">${percent(server.velocity)}</td>
      <td class="number">${index(server["performance-index"])}</td>
      <td>${why ? html`<span class="help">${whyLeftAlone(why)}</span>` : t("managed")}</td>
    </tr>`;
  }

  private path(): string | null {
    if (this.count === 0) return null;
    return asking("/virtual-servers/detail", { "workload-resource-group": this.group, "service-class": this.name, limit: MOST });
  }
}

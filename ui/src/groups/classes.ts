/**
 * The service classes of a group's active policy: goal, velocity, PI, status; a class unfolds into its members. Which
 * ones are unfolded stands in the URL: dispatches `unfold` with their names.
 */

import type { Server, ServiceClassState } from "../api/types";
import { idOf } from "../api/uris";
import { css, customElement, html, HpmElement, nothing, property, repeat } from "../base/element";
import { index, percent } from "../base/format";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import { goalPercent, goalWord, importanceWord, whyLeftAlone } from "../base/words";

const MOST = 50; // members that are listed; all of them stand on the page of servers

@customElement("hpm-group-classes")
export class GroupClassesPart extends HpmElement {
  @property({ attribute: false }) classes: readonly ServiceClassState[] = [];
  @property({ attribute: false }) servers: readonly Server[] = [];
  @property() group = "";
  /** The names of unfolded classes. */
  @property({ attribute: false }) unfolded: readonly string[] = [];

  static override styles = [
    HpmElement.styles,
    css`
      details {
        border-bottom: 1px solid var(--line);
      }
      summary {
        display: grid;
        grid-template-columns: 1.2em minmax(6rem, 1fr) 6rem 9rem 130px 4.5rem 7rem 6.5rem;
        gap: 4px 12px;
        align-items: center;
        min-height: var(--row);
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        background: var(--soft);
      }
      summary strong {
        overflow-wrap: anywhere;
      }
      .fold::before {
        content: "▸" / "";
      }
      details[open] .fold::before {
        content: "▾" / "";
      }
      .members {
        padding: 0 0 12px 1.8em;
      }
      .members td,
      .members th {
        height: 30px;
      }
      .scroll {
        overflow-x: auto;
      }
      @media (max-width: 1000px) {
        summary {
          display: flex;
          flex-wrap: wrap;
          padding: 6px 0;
        }
        summary strong {
          flex: 1 1 8rem;
        }
      }
    `,
  ];

  override render() {
    const of = new Map(this.servers.map((one) => [one["object-id"], one]));
    return html`${repeat(
      this.classes,
      (one) => one.name,
      (one) => this.class(one, of),
    )}`;
  }

  private class(one: ServiceClassState, of: ReadonlyMap<string, Server>) {
    const open = this.unfolded.includes(one.name);
    const uris = one["virtual-servers"];
    return html`<details .open=${open}>
      <summary @click=${(event: Event) => this.toggle(event, one.name)}>
        <span class="fold" aria-hidden="true"></span>
        <strong>${one.name}</strong>
        <span title=${t("Importance")}>${importanceWord(one.importance)}</span>
        <span title=${t("Goal")}>${goalWord(one.goal)}</span>
        <hpm-bullet .velocity=${one.velocity} .goal=${goalPercent(one.goal)}></hpm-bullet>
        <span class="number">${t("PI {index}", { index: index(one["performance-index"]) })}</span>
        <hpm-status status=${one["goal-status"]}></hpm-status>
        <span>${plural("{n} server", "{n} servers", uris.length)}</span>
      </summary>
      ${open ? this.members(one, uris.map((uri) => of.get(idOf(uri)))) : nothing}
    </details>`;
  }

  private members(one: ServiceClassState, servers: readonly (Server | undefined)[]) {
    const known = servers.filter((server) => server !== undefined);
    if (known.length === 0) return html`<p class="members help">${t("Its rule takes no server of the group.")}</p>`;
    return html`<div class="members">
      <div class="scroll" tabindex="0" role="group" aria-label=${t("Servers of {name}", { name: one.name })}>
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
            ${known.slice(0, MOST).map((server) => this.member(server))}
          </tbody>
        </table>
      </div>
      ${known.length > MOST
        ? html`<p class="help">
            ${t("The first {n} are shown.", { n: MOST })} <a href=${link("servers", "", { group: this.group, class: one.name })}>${t("Show all {n}", { n: known.length })}</a>
          </p>`
        : nothing}
    </div>`;
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

  private toggle(event: Event, name: string): void {
    event.preventDefault();
    const open = this.unfolded.includes(name);
    this.emit("unfold", open ? this.unfolded.filter((one) => one !== name) : [...this.unfolded, name]);
  }
}

/**
 * What a group would do with a policy, and with servers, that are not in force: which server falls in which class, its
 * PI now and as planned, why a goal would be missed, and what others would lose.
 *
 * It asks when what is wished has rested for a moment; an older question is given up. Dispatches `preview` (a
 * `Previewed`) for each answer, so that who holds the form can show an error at its field.
 */

import type { ApiError } from "../api/client";
import type { Policy, Preview, PreviewedServer } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { index, list } from "../base/format";
import { complaint } from "../base/notices";
import { plural, t } from "../base/texts";
import { goalWord, importanceWord } from "../base/words";
import { Asking } from "./asking";
import { arrow, lossOf, reasonThen, statusThen, worstFirst } from "./previewed";

/** The reason of a refusal (409) where hpm is busy and may be asked again. */
const BUSY = 1;
const MOST = 8; // rows of a class until all are asked for

export interface Previewed {
  preview: Preview | null;
  /** Why there is none; its `field` is that of the request. */
  error: ApiError | null;
  /** The field that is wrong, as a path within the policy, such as `service-classes[0].name`; "": none of the policy. */
  field: string;
}

@customElement("hpm-preview")
export class PreviewPart extends HpmElement {
  /** The id of the group; "": one that does not exist yet. */
  @property() group = "";
  /** The policy that would be active; null: none, the group would be unmanaged. */
  @property({ attribute: false }) policy: Policy | null = null;
  /** UUIDs of all servers that it would have; null: those that it has. */
  @property({ attribute: false }) servers: readonly string[] | null = null;

  @state() private whole: ReadonlySet<string> = new Set();
  private readonly asking = new Asking<Preview>(this, "/workload-resource-groups/preview", () => this.wish(), {
    isBusy: (error) => error.status === 409 && error.reason === BUSY,
    answered: () => this.answered(),
  });

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
        align-content: start;
        min-width: 0;
      }
      .old {
        filter: grayscale(1); /* as figures that are old have it anywhere; faint ones could not be read */
      }
      .class {
        display: grid;
        gap: 2px;
      }
      .bad {
        color: var(--missed);
        font-weight: 600;
      }
      table {
        table-layout: fixed;
      }
      td {
        height: 28px;
        vertical-align: top;
        padding: 4px 8px 2px 0;
        overflow-wrap: anywhere;
      }
      thead th {
        height: 24px;
        font-weight: normal;
        color: var(--dim);
      }
      th:nth-child(2) {
        text-align: end;
      }
      td:last-child {
        padding-inline-end: 0;
      }
      .explained td {
        border-bottom: none;
      }
      td.why {
        height: auto;
        padding: 0 0 4px;
      }
    `,
  ];

  override render() {
    const { answer, error, busy } = this.asking;
    return html`<div role="status" aria-busy=${busy}>${this.sentence()}</div>
      ${answer && !error ? this.whatWouldBe(answer) : nothing}`;
  }

  private sentence() {
    const { answer, error } = this.asking;
    if (error) return html`<p class="wrong">${t("There is no preview yet.")} ${complaint(error)}</p>`;
    if (!answer) return html`<hpm-skeleton rows="3"></hpm-skeleton>`;
    const servers = answer["virtual-servers"];
    if (servers.length === 0) return html`<p class="dim">${t("Choose servers to see what would become of them.")}</p>`;
    if (!this.policy) {
      return html`<p>${t("Without a policy the group is unmanaged: its servers keep their shares, and are neither squeezed nor helped.")}</p>`;
    }
    const missed = servers.filter((one) => statusThen(one) === "missed").length;
    const with_ = servers.filter((one) => one.goal?.type === "velocity").length;
    if (missed > 0) {
      return html`<p class="bad">▲ ${plural("{n} server of {all} would miss its goal.", "{n} servers of {all} would miss their goals.", missed, { all: servers.length })}</p>
        ${answer["other-virtual-servers"].length === 0
          ? html`<p class="help">${t("No other group has a policy yet, so nothing may be taken from its servers. Give default one of low importance, and more goals can be met.")}</p>`
          : nothing}`;
    }
    if (with_ === 0) return html`<p>${t("No server would have a goal: they get what is left.")}</p>`;
    return html`<p>● ${plural("The goal of {n} server would be met.", "The goals of {n} servers would be met.", with_)}</p>`;
  }

  private whatWouldBe(answer: Preview) {
    const servers = answer["virtual-servers"];
    const parts = this.policy
      ? answer["service-classes"].map((one) =>
          this.section(
            one.name,
            html`<h3>${one.name}</h3>
              <p class="help">
                ${t("{importance}, {goal}", { importance: importanceWord(one.importance), goal: goalWord(one.goal) })} ·
                ${plural("{n} server", "{n} servers", one["virtual-servers"].length)}
              </p>`,
            servers.filter((server) => server["service-class"] === one.name),
          ),
        )
      : [this.section("", nothing, servers)];
    return html`<div class="stack ${this.asking.busy ? "old" : ""}">${parts} ${servers.length > 0 ? this.others(answer) : nothing}</div>`;
  }

  private others(answer: Preview) {
    const losing = answer["other-virtual-servers"].filter((one) => lossOf(one) !== null);
    const missed = losing.filter((one) => lossOf(one) === "missed").length;
    const said = [
      ...(missed > 0 ? [plural("{n} would miss its goal", "{n} would miss their goals", missed)] : []),
      ...(losing.length > missed ? [plural("{n} would get less", "{n} would get less", losing.length - missed)] : []),
    ];
    const sentence = losing.length > 0
      ? t("Of the servers of other groups {what}.", { what: list(said) })
      : answer["other-virtual-servers"].length > 0
        ? t("No server of another group would lose anything that matters.")
        : t("No other group has a policy: servers without one keep their shares.");
    return this.section(
      "/others",
      html`<h3>${t("Others")}</h3>
        <p class=${missed > 0 ? "bad" : "help"}>${missed > 0 ? "▲ " : ""}${sentence}</p>`,
      losing,
    );
  }

  private section(key: string, head: unknown, servers: readonly PreviewedServer[]) {
    const sorted = worstFirst(servers);
    const seen = this.whole.has(key) ? sorted : sorted.slice(0, MOST);
    const more = sorted.length - seen.length;
    return html`<section class="class">
      ${head}
      ${seen.length > 0
        ? html`<table>
            <colgroup>
              <col />
              <col width="120" />
              <col width="112" />
            </colgroup>
            <thead>
              <tr>
                <th scope="col">${t("Virtual server")}</th>
                <th scope="col">${t("PI now → then")}</th>
                <th scope="col">${t("Then")}</th>
              </tr>
            </thead>
            <tbody>
              ${seen.map((one) => this.row(one))}
            </tbody>
          </table>`
        : nothing}
      ${more > 0
        ? html`<button class="plain" type="button" @click=${() => (this.whole = new Set([...this.whole, key]))}>
            ${plural("Show {n} more", "Show {n} more", more)}
          </button>`
        : nothing}
    </section>`;
  }

  private row(one: PreviewedServer) {
    // that the group has no policy, or that no other one has, is said above
    const alone = this.policy !== null && this.asking.answer!["other-virtual-servers"].length === 0;
    const why = one.reason === "no-policy" || (alone && one.reason === "at-capacity") ? "" : reasonThen(one);
    const smaller = lossOf(one) === "smaller";
    return html`<tr class=${why ? "explained" : ""}>
      <td>${one.name}</td>
      <td class="number" title=${t("PI now → then")}>
        ${one.goal?.type === "velocity" ? arrow(index(one["performance-index"]), index(one["pi-projected"])) : nothing}
        ${smaller ? html`<span class="help">${t("smaller share")}</span>` : nothing}
      </td>
      <td><hpm-status status=${statusThen(one)}></hpm-status></td>
    </tr>
    ${why ? html`<tr><td colspan="3" class="why help">${why}</td></tr>` : nothing}`;
  }

  private wish() {
    return {
      ...(this.group ? { "workload-resource-group": this.group } : {}),
      ...(this.servers ? { "virtual-servers": this.servers } : {}),
      "perf-policy": this.policy,
    };
  }

  private answered(): void {
    const { answer, error } = this.asking;
    const field = error?.field.startsWith("perf-policy.") ? error.field.slice("perf-policy.".length) : "";
    this.emit<Previewed>("preview", { preview: error ? null : answer, error, field });
  }
}

/** What an import changes, or would change: group by group, policy by policy, field by field; partitions, servers. */

import type { ImportResult } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { NONE } from "../base/format";
import { later, plural, t } from "../base/texts";

/** Names of servers that are shown. */
const MOST = 8;

type Change = ImportResult["workload-resource-groups"][number]["change"];
type FieldChange = { field: string; before: string | null; after: string | null };

/** A sign and a word for each, so that colour is not needed. */
const SIGNS: Record<Change, string> = { created: "+", changed: "~", deleted: "−", unchanged: "=" };
const CHANGES: Record<Change, string> = {
  created: later("created"),
  changed: later("changed"),
  deleted: later("deleted"),
  unchanged: later("unchanged"),
};

@customElement("hpm-imported")
export class ImportedPart extends HpmElement {
  @property({ attribute: false }) result!: ImportResult;
  /** Of servers, by UUID; of a server that this host does not have there is none. */
  @property({ attribute: false }) names: ReadonlyMap<string, string> = new Map();

  static override styles = [
    HpmElement.styles,
    css`
      ul {
        list-style: none;
        margin: 0;
        padding: 0 0 0 16px;
        overflow-wrap: anywhere;
      }
      :host > ul {
        padding: 0;
      }
      li {
        margin: 2px 0;
      }
      .created {
        color: var(--met);
      }
      .deleted {
        color: var(--missed);
      }
      i {
        font-style: normal;
        font-family: var(--mono);
        display: inline-block;
        width: 1.2em;
      }
    `,
  ];

  override render() {
    const groups = this.result["workload-resource-groups"];
    const changed = groups.filter((one) => one.change !== "unchanged");
    const same = groups.length - changed.length;
    return html`<ul aria-label=${t("What changes")}>
        ${changed.map(
          (one) => html`<li>
            ${this.head(one.change, t("group {name}", { name: one.name }))}
            <ul>
              ${this.fields(one.fields)}
              ${one["perf-policies"].map(
                (policy) => html`<li>
                  ${this.head(policy.change, t("policy {name}", { name: policy.name }))}
                  <ul>
                    ${this.fields(policy.fields)}
                    ${policy["service-classes"].map(
                      (each) => html`<li>
                        ${this.head(each.change, t("class {name}", { name: each.name }))}
                        <ul>
                          ${this.fields(each.fields)}
                        </ul>
                      </li>`,
                    )}
                  </ul>
                </li>`,
              )}
              ${this.servers(one["servers-added"], "created")} ${this.servers(one["servers-removed"], "deleted")}
            </ul>
          </li>`,
        )}
        ${(this.result.partitions ?? [])
          .filter((one) => one.change !== "unchanged")
          .map(
            (one) => html`<li>
              ${this.head(one.change, t("partition {path}", { path: one.path }))}
              <ul>
                ${this.fields(one.fields)}
              </ul>
            </li>`,
          )}
        ${this.result["virtual-servers"].map(
          (one) => html`<li>
            ${this.head("changed", t("virtual server {name}", { name: this.names.get(one.uuid) ?? one.uuid }))}
            <ul>
              ${this.fields(one.fields)}
            </ul>
          </li>`,
        )}
      </ul>
      ${same > 0 ? html`<p class="help">${plural("{n} group is unchanged.", "{n} groups are unchanged.", same)}</p>` : nothing}`;
  }

  private head(change: Change, what: string) {
    return html`<span class=${change}><i aria-hidden="true">${SIGNS[change]}</i>${what} <span class="help">${t(CHANGES[change])}</span></span>`;
  }

  private fields(fields: readonly FieldChange[]) {
    return fields.map((one) => html`<li><i aria-hidden="true">~</i>${one.field}: ${one.before ?? NONE} → <strong>${one.after ?? NONE}</strong></li>`);
  }

  private servers(uuids: readonly string[], change: "created" | "deleted") {
    if (uuids.length === 0) return nothing;
    const names = uuids.slice(0, MOST).map((one) => this.names.get(one) ?? one).join(", ") + (uuids.length > MOST ? " …" : "");
    const text =
      change === "created"
        ? plural("{n} server is put in it: {names}", "{n} servers are put in it: {names}", uuids.length, { names })
        : plural("{n} server leaves it: {names}", "{n} servers leave it: {names}", uuids.length, { names });
    return html`<li class=${change}><i aria-hidden="true">${SIGNS[change]}</i>${text}</li>`;
  }
}

/** Two policies side by side, field by field: of one group or of two, as they are or as a revision has it. */

import { Resource } from "../api/resource";
import type { Group, Policy, Revision } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { exact } from "../base/format";
import { plural, t } from "../base/texts";
import { fieldsOf } from "./diff";
import { contentOf } from "./model";
import { policyPath } from "./writes";

/** Written as "GROUP/POLICY" or "GROUP/POLICY/REVISION"; no name has a slash in it. */
interface Side {
  group: string;
  policy: string;
  revision: number; // 0: as it is now
}

type Revisions = { revisions: Revision[] };

@customElement("hpm-policy-compare")
export class ComparePart extends HpmElement {
  @property({ attribute: false }) groups: readonly Group[] = [];
  @property() first = "";
  @property() second = "";
  /** Whether fields that are the same are shown too. */
  @property({ type: Boolean }) all = false;
  private readonly revisions = [
    new Resource<Revisions>(this, () => this.revisionsPath(0), { ticks: false }),
    new Resource<Revisions>(this, () => this.revisionsPath(1), { ticks: false }),
  ] as const;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: var(--gap);
        grid-template-columns: minmax(0, 1fr);
      }
      .sides {
        display: grid;
        gap: var(--gap);
        grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr));
      }
      .sides select {
        width: 100%;
      }
      fieldset {
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 8px 12px;
        display: grid;
        gap: 8px;
      }
    `,
  ];

  private choices(): string[] {
    return this.groups.flatMap((group) => group["perf-policies"].map((one) => `${group["object-id"]}/${one.name}`));
  }

  private side(at: 0 | 1): Side | null {
    const choices = this.choices();
    const written = at === 0 ? this.first : this.second;
    const known = written.includes("/") ? written : (choices[at === 0 ? 0 : choices.findIndex((one) => one !== this.written(this.side(0)))] ?? "");
    const [group = "", policy = "", revision = "0"] = known.split("/");
    return group ? { group, policy, revision: Number(revision) || 0 } : null;
  }

  private written(side: Side | null): string {
    return side ? `${side.group}/${side.policy}` : "";
  }

  private revisionsPath(at: 0 | 1): string | null {
    const side = this.side(at);
    return side ? `${policyPath(side.group, side.policy)}/revisions` : null;
  }

  override render() {
    const [one, other] = [this.content(0), this.content(1)];
    const fields = fieldsOf(one ?? null, other ?? null);
    const differing = fields.filter((each) => each.before !== each.after);
    return html`<div class="sides">${this.chooser(0, t("One"))} ${this.chooser(1, t("The other"))}</div>
      ${one === undefined || other === undefined
        ? html`<hpm-skeleton></hpm-skeleton>`
        : html`<div class="spread">
              <p role="status">
                ${differing.length === 0 ? t("They say the same.") : plural("They differ in {n} field.", "They differ in {n} fields.", differing.length)}
              </p>
              <label class="choice">
                <input type="checkbox" .checked=${this.all} @change=${() => this.emit("ask", { show: this.all ? "" : "all" })} />${t("Show also what is the same")}
              </label>
            </div>
            ${fields.length > 0 && (this.all || differing.length > 0)
              ? html`<hpm-fields .fields=${this.all ? fields : differing} .heads=${[this.headOf(0), this.headOf(1)]}></hpm-fields>`
              : nothing}`}`;
  }

  private chooser(at: 0 | 1, label: string) {
    const side = this.side(at);
    const revisions = [...(this.revisions[at].value?.revisions ?? [])].reverse();
    const ask = (value: string) => this.emit("ask", { compare: this.full(this.side(0)), with: this.full(this.side(1)), [at === 0 ? "compare" : "with"]: value });
    return html`<fieldset>
      <legend>${label}</legend>
      <div class="field">
        <label for="policy-${at}">${t("Group and policy")}</label>
        <select id="policy-${at}" @change=${(event: Event) => ask((event.target as HTMLSelectElement).value)}>
          ${this.groups
            .filter((group) => group["perf-policies"].length > 0)
            .map(
              (group) => html`<optgroup label=${group.name}>
                ${group["perf-policies"].map((one) => {
                  const value = `${group["object-id"]}/${one.name}`;
                  return html`<option value=${value} ?selected=${value === this.written(side)}>${group.name}: ${one.name}</option>`;
                })}
              </optgroup>`,
            )}
        </select>
      </div>
      <div class="field">
        <label for="revision-${at}">${t("Revision")}</label>
        <select id="revision-${at}" @change=${(event: Event) => ask(`${this.written(side)}/${(event.target as HTMLSelectElement).value}`)}>
          <option value="0" ?selected=${!side?.revision}>${t("as it is now")}</option>
          ${revisions
            .filter((one) => one["perf-policy"])
            .map(
              (one) => html`<option value=${one.revision} ?selected=${one.revision === side?.revision}>
                ${t("{n}, {time}, {user}", { n: one.revision, time: exact(one.time), user: one.user })}
              </option>`,
            )}
        </select>
      </div>
    </fieldset>`;
  }

  private full(side: Side | null): string {
    return side ? `${this.written(side)}${side.revision ? `/${side.revision}` : ""}` : "";
  }

  private headOf(at: 0 | 1): string {
    const side = this.side(at);
    const group = this.groups.find((one) => one["object-id"] === side?.group);
    const name = `${group?.name ?? "–"}: ${side?.policy ?? "–"}`;
    return side?.revision ? t("{name}, revision {n}", { name, n: side.revision }) : name;
  }

  /** The policy of a side; null: there is none; undefined: not read yet. */
  private content(at: 0 | 1): Policy | null | undefined {
    const side = this.side(at);
    if (!side) return null;
    if (!side.revision) {
      const group = this.groups.find((one) => one["object-id"] === side.group);
      const policy = group?.["perf-policies"].find((one) => one.name === side.policy);
      return policy ? contentOf(policy) : null;
    }
    const { value, error } = this.revisions[at];
    if (!value) return error ? null : undefined;
    const found = value.revisions.find((one) => one.revision === side.revision)?.["perf-policy"];
    return found ? contentOf(found) : null;
  }
}

/** Memory policies, in MOM's language: all (`#/memory-policies`), one (`#/memory-policies/NAME`), a new one (`?new=yes`). */

import { Resource } from "../api/resource";
import type { Levels, MomEvaluation, MomPolicies, MomPolicy } from "../api/types";
import { app, mayWrite } from "../base/app";
import { css, customElement, html, nothing, query, repeat, type PropertyValues } from "../base/element";
import { ago, exact } from "../base/format";
import { Now } from "../base/now";
import { link, PageElement } from "../base/page";
import { place } from "../base/place";
import { plural, t } from "../base/texts";
import "../memory/code";
import "../memory/decides";
import { memoryDraft } from "../memory/draft";
import type { MemoryEditor } from "../memory/editor";
import "../memory/editor";
import "../memory/evaluating";
import "../memory/results";
import { decidesSentence } from "../memory/words";
import { removeMemoryPolicy, saveMemoryPolicy } from "../memory/writes";
import type { Action } from "../parts/menu";

@customElement("hpm-memory-policies")
export class MemoryPoliciesPage extends PageElement {
  private readonly now = new Now(this);
  @query("hpm-memory-editor") private editor!: MemoryEditor | null;
  private told = "";
  private gone = "";
  private readonly list = new Resource<MomPolicies>(this, () => "/mom/policies");
  private readonly levels = new Resource<Levels>(this, () => "/mgmt-levels", { kinds: ["mgmt-levels"], ticks: false });
  private readonly why = new Resource<MomEvaluation>(this, () => (this.overview && this.policies.length > 0 ? "/mom/explain" : null));

  static override styles = [
    PageElement.styles,
    css`
      .crumbs {
        font-size: var(--small);
        margin-bottom: 4px;
      }
      .crumbs a {
        text-decoration: underline;
      }
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 0 12px;
        align-items: center;
        padding: 6px 0;
        border-bottom: 1px solid var(--line);
      }
      li:last-child {
        border: none;
      }
      .first {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];

  private get overview(): boolean {
    return this.place.id === "" && !this.creates;
  }

  private get creates(): boolean {
    return this.asked("new") === "yes" && mayWrite();
  }

  private get policies(): readonly MomPolicy[] {
    return this.list.value?.["memory-policies"] ?? [];
  }

  override updated(changed: PropertyValues<this>): void {
    if (changed.has("place") && changed.get("place")?.id !== this.place.id) this.told = "";
    if (this.place.id !== this.told) this.named(this.place.id);
    this.told = this.place.id;
    this.showSpot();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.told = this.gone = "";
  }

  override render() {
    if (!this.list.value) {
      return html`<hpm-head heading=${t("Memory policies")}></hpm-head>
        ${this.list.error
          ? html`<hpm-problem .what=${t("The memory policies cannot be shown.")} .error=${this.list.error} @retry=${() => this.list.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="8"></hpm-skeleton>`}`;
    }
    return this.overview ? this.all(this.list.value) : this.one();
  }

  private all(list: MomPolicies) {
    return html`<hpm-head heading=${t("Memory policies")} .sentence=${this.sentence(list)} .error=${this.list.error}>
        ${mayWrite() && this.policies.length > 0
          ? html`<a slot="actions" class="button primary" href=${link("memory-policies", "", { new: "yes" })}>${t("Create a memory policy")}</a>`
          : nothing}
      </hpm-head>
      <div class="stack">
        <section class="panel stack" aria-labelledby="decides">
          <h2 id="decides">${t("What decides on memory")}</h2>
          <hpm-memory-decides .policies=${this.policies.length} @decided=${() => this.list.refresh()}></hpm-memory-decides>
        </section>
        ${this.policies.length === 0 ? this.empty() : html`${this.kept()} ${this.decisions()}`}
      </div>`;
  }

  private sentence(list: MomPolicies): string {
    const said = decidesSentence(list["memory-policy"]);
    const level = this.levels.value?.["memory-mgmt"];
    if (level === "off") return `${said} ${t("Memory management is off: nothing is moved.")}`;
    return level === "advise" ? `${said} ${t("Memory management only advises: nothing is moved.")}` : said;
  }

  private empty() {
    return html`<hpm-empty
      heading=${t("There is no memory policy yet")}
      text=${t("A memory policy is a small program in the language of oVirt's MOM: it looks at figures of the host and its servers, and sets balloons, KSM, CPU quotas and limits of disks. Who is content with business importance needs none.")}
    >
      ${mayWrite() ? html`<a class="button primary" href=${link("memory-policies", "", { new: "yes" })}>${t("Create a memory policy")}</a>` : nothing}
    </hpm-empty>`;
  }

  private kept() {
    return html`<section class="panel stack" aria-labelledby="kept">
      <div>
        <h2 id="kept">${t("Policies, in the order in which they are evaluated")}</h2>
        <p class="help">${t("They are one program: a constant of an earlier one holds in a later one.")}</p>
      </div>
      <ol>
        ${repeat(
          this.policies,
          (one) => one.name,
          (one) => html`<li>
            <div>
              <h3><a href=${link("memory-policies", one.name)}>${one.name}</a>${memoryDraft(one.name) ? html` <span class="dim">(${t("unsaved changes")})</span>` : nothing}</h3>
              <p class="first dim">${about(one.text)}</p>
              <p class="help" title=${exact(one["changed-time"])}>
                ${plural("{n} line", "{n} lines", one.text.replace(/\n$/, "").split("\n").length)} ·
                ${t("changed {time} by {user}", { time: ago(one["changed-time"], this.now.ms), user: one["changed-by"] })}
              </p>
            </div>
            <hpm-menu .label=${t("Actions")} .of=${one.name} .actions=${this.actions(one)}></hpm-menu>
          </li>`,
        )}
      </ol>
    </section>`;
  }

  private decisions() {
    const { value, error } = this.why;
    return html`<section class="panel stack" aria-labelledby="now">
      <h2 id="now">${t("What they decide now, and why")}</h2>
      ${value
        ? html`<hpm-memory-results .evaluation=${value} explained></hpm-memory-results>`
        : error
          ? html`<hpm-problem .what=${t("It cannot be told now.")} .error=${error} @retry=${() => this.why.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="4"></hpm-skeleton>`}
    </section>`;
  }

  private one() {
    const { id } = this.place;
    const policy = this.policies.find((one) => one.name === id);
    const name = this.creates ? t("New memory policy") : id;
    return html`<nav class="crumbs" aria-label=${t("Breadcrumb")}>
        <a href=${link("memory-policies")}>${t("Memory policies")}</a> <span aria-hidden="true">›</span> <span aria-current="page">${name}</span>
      </nav>
      <hpm-head .heading=${name} .error=${this.list.error}>
        ${policy ? html`<hpm-menu slot="actions" .label=${t("Actions")} .of=${id} .actions=${this.actions(policy).slice(1)}></hpm-menu>` : nothing}
      </hpm-head>
      <hpm-memory-editor .name=${this.creates ? "" : id} .policies=${this.policies} @applied=${this.applied} @shown=${this.showSpot}></hpm-memory-editor>`;
  }

  private actions(one: MomPolicy): Action[] {
    return [
      { label: mayWrite() ? t("Edit") : t("Show"), run: () => this.go("memory-policies", one.name) },
      { label: t("Download"), run: () => saveMemoryPolicy(one) },
      ...(mayWrite() ? [{ label: t("Delete memory policy {name}", { name: one.name }), run: () => void this.drop(one.name), danger: true }] : []),
    ];
  }

  private async drop(name: string): Promise<void> {
    if (!(await removeMemoryPolicy(name, () => void this.list.refresh()))) return;
    if (this.place.id === name) this.go("memory-policies");
    await this.list.refresh();
  }

  private readonly applied = (event: CustomEvent<string>): void => {
    void this.list.refresh();
    const name = event.detail;
    if (this.creates) app.places.go(place("memory-policies", name), "replace"); // back leads to the list, not to an empty form
    else if (!name) this.go("memory-policies"); // one that somebody deleted meanwhile, and that is not wanted back
  };

  /** Brings the place that the URL names into sight, once: as soon as its text is there, before anybody types. */
  private showSpot(): void {
    const spot = { line: Number(this.asked("line")), column: Number(this.asked("column")) };
    const wanted = spot.line > 0 ? `${this.place.id}:${spot.line}:${spot.column}` : "";
    if (wanted === this.gone || !this.editor?.shown) return;
    this.gone = wanted;
    if (wanted) void this.editor.goTo({ line: spot.line, column: Math.max(1, spot.column) });
  }

  override focus(): void {
    if (!this.asked("line")) super.focus();
  }
}

/** What the first comment of a policy says. */
function about(text: string): string {
  return /^\s*#+\s*(.*)/.exec(text)?.[1] ?? text.trim().split("\n")[0] ?? "";
}

/** Policies: all groups' (`#/policies`), those of one group (`#/policies/ID`), and two compared (`?compare=`). */

import { Resource } from "../api/resource";
import type { Group } from "../api/types";
import { mayWrite } from "../base/app";
import { css, customElement, html, nothing, query, type PropertyValues } from "../base/element";
import { link, PageElement } from "../base/page";
import { t } from "../base/texts";
import { download } from "../policies/writes";
import { headingOf } from "../policies/group";
import type { ImportPart } from "../policies/import";

@customElement("hpm-policies")
export class PoliciesPage extends PageElement {
  @query("hpm-policy-import") private importing!: ImportPart;
  private told = "";
  private readonly groups = new Resource<{ "workload-resource-groups": Group[] }>(this, () => "/workload-resource-groups/detail", {
    kinds: ["workload-resource-group", "workload-resource-group-removed"],
    ticks: false,
  });

  static override styles = [
    PageElement.styles,
    css`
      .search {
        margin-bottom: 12px;
        max-width: 24rem;
      }
    `,
  ];

  protected override does(what: string): boolean {
    if (!this.importing) return false;
    if (what === "undo-import") void this.importing.showEarlier();
    return true;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.told = "";
  }

  /** The window is named by the group and its policy. */
  override updated(changed: PropertyValues<this>): void {
    if (changed.has("place") && changed.get("place")?.id !== this.place.id) this.told = ""; // the shell forgot it, too
    const about = this.about;
    if (about !== this.told) this.named(about);
    this.told = about;
  }

  private get about(): string {
    const group = this.groups.value?.["workload-resource-groups"].find((one) => one["object-id"] === this.place.id);
    return group ? headingOf(group, this.place.query) : "";
  }

  override render() {
    const groups = this.groups.value?.["workload-resource-groups"];
    if (!groups) {
      return html`<hpm-head heading=${t("Policies")}></hpm-head>
        ${this.groups.error
          ? html`<hpm-problem .what=${t("The policies cannot be shown.")} .error=${this.groups.error} @retry=${() => this.groups.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="8"></hpm-skeleton>`}`;
    }
    if (this.place.id) return this.one(groups);
    if (this.place.query.has("compare")) return this.comparison(groups);
    return this.all(groups);
  }

  private all(groups: readonly Group[]) {
    const count = groups.reduce((sum, one) => sum + one["perf-policies"].length, 0);
    return html`<hpm-head heading=${t("Policies")} .sentence=${t("The most important groups first: their goals are met before those below.")} .error=${this.groups.error}>
        <span slot="actions" class="row">
          ${mayWrite() ? html`<button type="button" @click=${() => this.importing.show()}>${t("Import…")}</button>` : nothing}
          <hpm-menu
            .label=${t("Export all")}
            .actions=${[
              { label: t("As JSON"), run: () => void download({}, "json") },
              { label: t("As XML"), run: () => void download({}, "xml") },
            ]}
          ></hpm-menu>
          ${count > 1 ? html`<a class="button" href=${link("policies", "", { compare: "first" })}>${t("Compare two")}</a>` : nothing}
        </span>
      </hpm-head>
      ${count === 0 ? this.empty(groups) : nothing}
      ${groups.length > 5
        ? html`<div class="field search">
            <input
              type="search"
              aria-label=${t("Search groups and policies")}
              placeholder=${t("Search groups and policies")}
              .value=${this.asked("search")}
              @input=${(event: Event) => this.ask({ search: (event.target as HTMLInputElement).value })}
            />
          </div>`
        : nothing}
      <hpm-policy-list .groups=${groups} .search=${this.asked("search")} @changed=${() => this.groups.refresh()}></hpm-policy-list>
      ${this.importDialog(groups)}`;
  }

  private empty(groups: readonly Group[]) {
    const first = groups.find((one) => !one["is-default"]) ?? groups[0]!;
    return html`<hpm-empty
      heading=${t("There is no policy yet")}
      text=${t("A policy says how important a group of virtual servers is, and how fast its servers must run. Without one hpm only watches.")}
    >
      ${mayWrite()
        ? html`<a class="button primary" href=${link("policies", first["object-id"])}>${t("Create a policy for {name}", { name: first.name })}</a>
            <button type="button" @click=${() => this.importing.show()}>${t("Import a policy file")}</button>`
        : nothing}
    </hpm-empty>`;
  }

  private importDialog(groups: readonly Group[]) {
    return mayWrite() ? html`<hpm-policy-import .groups=${groups} @imported=${() => this.groups.refresh()}></hpm-policy-import>` : nothing;
  }

  private one(groups: readonly Group[]) {
    const group = groups.find((one) => one["object-id"] === this.place.id);
    if (!group) {
      return html`<hpm-head heading=${t("Policies")}></hpm-head>
        <hpm-empty heading=${t("There is no such group")} text=${t("It was deleted, or the address is not right.")}>
          <a class="button" href=${link("policies")}>${t("All policies")}</a>
        </hpm-empty>`;
    }
    return html`<hpm-group-policies
        .group=${group}
        .groups=${groups}
        .place=${this.place}
        .error=${this.groups.error}
        @ask=${(event: CustomEvent<Record<string, string>>) => this.ask(event.detail)}
        @changed=${() => this.groups.refresh()}
        @import=${() => this.importing.show(group["object-id"])}
      ></hpm-group-policies>
      ${this.importDialog(groups)}`;
  }

  private comparison(groups: readonly Group[]) {
    return html`<hpm-head heading=${t("Compare two policies")}>
        <a slot="actions" class="button" href=${link("policies")}>${t("All policies")}</a>
      </hpm-head>
      <hpm-policy-compare
        .groups=${groups}
        .first=${this.asked("compare")}
        .second=${this.asked("with")}
        .all=${this.asked("show") === "all"}
        @ask=${(event: CustomEvent<Record<string, string>>) => this.ask(event.detail)}
      ></hpm-policy-compare>`;
  }

  override focus(): void {
    const head = this.renderRoot.querySelector<HTMLElement>("hpm-head, hpm-group-policies");
    head?.focus();
  }
}

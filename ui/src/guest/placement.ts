/** Where vCPUs run: its kind, and the CPUs of the kinds that name any. Dispatches `placement` with the new one; null: it is not said. */

import type { HostNode, Placement } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, state } from "../base/element";
import { later, t } from "../base/texts";
import { wrongBelow, type Wrong } from "../policies/rule";
import { formatCpus, parseCpus } from "./cpu-lists";

type Kind = Placement["type"];

const KINDS: readonly (readonly [Kind, string, string])[] = [
  ["cpus", later("on these CPUs"), later("All vCPUs may run on the CPUs that you choose.")],
  ["vcpus", later("each vCPU on CPUs of its own"), later("The first vCPU on the first list, and so on; those after the last list may run anywhere.")],
  ["node", later("on a NUMA node"), later("All vCPUs run on the CPUs of that node, next to its memory.")],
  ["spread", later("spread"), later("Each vCPU on a core of its own, as far from the others as possible. hpm may move them while the server runs.")],
  ["pack", later("packed"), later("All vCPUs on as few cores, caches and nodes as possible. hpm may move them while the server runs.")],
  ["anywhere", later("anywhere"), later("vCPUs run where the kernel has them run; hpm may move them away from crowded CPUs.")],
];

@customElement("hpm-placement")
export class PlacementPart extends HpmElement {
  @property({ attribute: false }) placement: Placement | null = null;
  @property({ attribute: false }) nodes: readonly HostNode[] = [];
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  /** What holds where it is not said here. */
  @property() otherwise = "";
  @property() label = "";
  /** Of "each vCPU": which one the picture is about. */
  @state() private at = 0;

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 8px;
        min-width: 0;
      }
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 4px;
      }
      .line {
        display: flex;
        gap: 8px;
        align-items: center;
      }
      .line input {
        width: 10rem;
      }
    `,
  ];

  override render() {
    const one = this.placement;
    const help = KINDS.find(([kind]) => kind === one?.type)?.[2];
    return html`<div class="field">
        <label for="kind">${this.label}</label>
        <select id="kind" ?disabled=${this.readonly} aria-describedby="kind-help" @change=${this.kind}>
          <option value="" .selected=${!one}>${this.otherwise}</option>
          ${KINDS.map(([kind, label]) => html`<option value=${kind} .selected=${kind === one?.type}>${t(label)}</option>`)}
        </select>
        <span class="help" id="kind-help">${help ? t(help) : nothing}</span>
      </div>
      ${one ? this.more(one) : nothing}
      ${this.wrong ? html`<span class="wrong" id="placement-wrong">${this.wrong.text}</span>` : nothing}`;
  }

  private more(one: Placement) {
    return html`${one.type === "cpus" ? this.cpus(one) : one.type === "vcpus" ? this.each(one) : one.type === "node" ? this.node(one) : nothing}
    ${one.type === "anywhere"
      ? nothing
      : html`<label class="choice">
          <input
            type="checkbox"
            .checked=${one.exclusive ?? false}
            ?disabled=${this.readonly}
            @change=${(event: Event) => this.tell({ ...one, exclusive: (event.target as HTMLInputElement).checked })}
          />${t("alone: no other server may run there")}
        </label>`}`;
  }

  private cpus(one: Placement & { type: "cpus" }) {
    return html`<div class="field">
        <label for="cpus">${t("CPUs")}</label>
        ${this.text("cpus", one.cpus, wrongBelow(this.wrong, "cpus") !== null, (cpus) => this.tell({ ...one, cpus }))}
        <span class="help">${t("Such as 0-3,8.")}</span>
      </div>
      ${this.readonly
        ? nothing
        : html`<hpm-cpus .nodes=${this.nodes} .chosen=${one.cpus} .label=${t("The host's CPUs")} @cpus=${(event: CustomEvent<string>) => this.tell({ ...one, cpus: event.detail })}></hpm-cpus>`}`;
  }

  private each(one: Placement & { type: "vcpus" }) {
    const at = Math.min(this.at, one.cpus.length - 1);
    const change = (which: number, text: string) => this.tell({ ...one, cpus: one.cpus.map((old, index) => (index === which ? text : old)) });
    return html`<ol>
        ${one.cpus.map(
          (cpus, which) => html`<li class="line">
            <label for="vcpu-${which}">${t("vCPU {n}", { n: which })}</label>
            ${this.text(`vcpu-${which}`, cpus, wrongBelow(this.wrong, `cpus[${which}]`) !== null, (text) => change(which, text), () => (this.at = which))}
            ${which > 0 && which === one.cpus.length - 1 && !this.readonly
              ? html`<button class="plain" type="button" @click=${() => this.tell({ ...one, cpus: one.cpus.slice(0, -1) })}>${t("Remove")}</button>`
              : nothing}
          </li>`,
        )}
      </ol>
      ${this.readonly
        ? nothing
        : html`<div><button type="button" @click=${() => this.add(one)}>${t("Add a vCPU")}</button></div>
            <hpm-cpus
              .nodes=${this.nodes}
              .chosen=${one.cpus[at] ?? ""}
              .label=${t("The host's CPUs for vCPU {n}", { n: at })}
              @cpus=${(event: CustomEvent<string>) => change(at, event.detail)}
            ></hpm-cpus>
            ${one.cpus.length > 1 ? html`<p class="help" role="status">${t("The picture is that of vCPU {n}.", { n: at })}</p>` : nothing}`}`;
  }

  private node(one: Placement & { type: "node" }) {
    return html`<div class="field">
      <label for="node">${t("NUMA node")}</label>
      <select id="node" ?disabled=${this.readonly} @change=${(event: Event) => this.tell({ ...one, node: Number((event.target as HTMLSelectElement).value) })}>
        ${this.nodes.some(({ node }) => node === one.node) ? nothing : html`<option value=${one.node} selected>${one.node}</option>`}
        ${this.nodes.map(({ node, cpus }) => html`<option value=${node} .selected=${node === one.node}>${t("{node}: CPUs {cpus}", { node, cpus })}</option>`)}
      </select>
    </div>`;
  }

  private text(id: string, value: string, wrong: boolean, change: (text: string) => void, focused?: () => void) {
    return html`<input
      id=${id}
      autocomplete="off"
      spellcheck="false"
      .value=${value}
      ?readonly=${this.readonly}
      aria-invalid=${wrong}
      aria-describedby=${this.wrong ? "placement-wrong" : nothing}
      @focus=${() => focused?.()}
      @input=${(event: Event) => change((event.target as HTMLInputElement).value.replace(/\s/g, ""))}
    />`;
  }

  private add(one: Placement & { type: "vcpus" }): void {
    this.at = one.cpus.length;
    // the next CPU after the last one, where there is one
    const all = this.nodes.flatMap(({ cpus }) => parseCpus(cpus) ?? []);
    const last = parseCpus(one.cpus.at(-1) ?? "")?.at(-1) ?? -1;
    this.tell({ ...one, cpus: [...one.cpus, String(all.find((cpu) => cpu > last) ?? all[0] ?? 0)] });
  }

  private readonly kind = (event: Event): void => {
    const kind = (event.target as HTMLSelectElement).value as Kind | "";
    const before = this.placement;
    const exclusive = before && before.type !== "anywhere" ? (before.exclusive ?? false) : false;
    const all = formatCpus(this.nodes.flatMap(({ cpus }) => parseCpus(cpus) ?? [])) || "0";
    const first = String(parseCpus(all)![0]);
    if (kind === "") this.tell(null);
    else if (kind === "cpus") this.tell({ type: kind, cpus: all, exclusive });
    else if (kind === "vcpus") this.tell({ type: kind, cpus: [first], exclusive });
    else if (kind === "node") this.tell({ type: kind, node: this.nodes[0]?.node ?? 0, exclusive });
    else if (kind === "anywhere") this.tell({ type: kind });
    else this.tell({ type: kind, exclusive });
  };

  private tell(placement: Placement | null): void {
    this.emit("placement", placement);
  }
}

/**
 * The host's CPUs as a picture: nodes, in them caches, in them cores, and in those CPUs, each a button that is pressed
 * where the CPU is chosen. Dispatches `cpus` with the new list ("0-3,8"; "": none).
 */

import type { HostNode } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { formatCpus, parseCpus } from "./cpu-lists";

/** CPUs beyond which a picture of them helps nobody. */
const MOST = 512;

@customElement("hpm-cpus")
export class CpusPart extends HpmElement {
  @property({ attribute: false }) nodes: readonly HostNode[] = [];
  /** Those that are chosen. */
  @property() chosen = "";
  @property() label = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .nodes,
      .cache {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      fieldset {
        padding: 4px 8px 8px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
      }
      legend {
        padding: 0 4px;
      }
      .caches {
        display: flex;
        flex-wrap: wrap;
        gap: 12px;
      }
      .cache {
        gap: 4px;
        padding: 4px;
        border-radius: var(--radius);
        background: var(--soft);
      }
      .core {
        display: inline-flex;
      }
      .core button {
        min-width: 32px;
        min-height: 28px;
        padding: 0 4px;
        font-size: var(--tiny);
        border-radius: 0;
        background: var(--ground);
      }
      .core button + button {
        border-inline-start: none;
      }
      .core button[aria-pressed="true"] {
        color: var(--on-accent);
        background: var(--accent);
        border-color: var(--accent);
        font-weight: 600;
        text-decoration: underline;
      }
    `,
  ];

  override render() {
    const all = this.nodes.flatMap((one) => parseCpus(one.cpus) ?? []);
    if (all.length < 2 || all.length > MOST) return nothing;
    const chosen = new Set(parseCpus(this.chosen) ?? []);
    return html`<div class="nodes" role="group" aria-label=${this.label}>
      ${this.nodes.map((node) => {
        const own = parseCpus(node.cpus) ?? [];
        const every = own.every((cpu) => chosen.has(cpu));
        return html`<fieldset>
          <legend class="row">
            ${t("Node {node}", { node: node.node })}
            <button class="plain" type="button" aria-pressed=${every} @click=${() => this.toggle(chosen, own, every)}>${t("all of it")}</button>
          </legend>
          <div class="caches">
            ${node.caches.map((cache) => this.cache(node, parseCpus(cache) ?? [], chosen))}
          </div>
        </fieldset>`;
      })}
    </div>
    <p class="help">${t("A box is a core with its CPUs; what stands on one ground shares a cache.")}</p>`;
  }

  private cache(node: HostNode, within: readonly number[], chosen: ReadonlySet<number>) {
    const cores = node.cores.map((one) => parseCpus(one) ?? []).filter(([first]) => first !== undefined && within.includes(first));
    return html`<div class="cache">
      ${cores.map(
        (core) => html`<span class="core">
          ${core.map((cpu) => {
            const pressed = chosen.has(cpu);
            return html`<button type="button" aria-pressed=${pressed} aria-label=${t("CPU {cpu}", { cpu })} @click=${() => this.toggle(chosen, [cpu], pressed)}>${cpu}</button>`;
          })}
        </span>`,
      )}
    </div>`;
  }

  private toggle(chosen: ReadonlySet<number>, cpus: readonly number[], off: boolean): void {
    const next = new Set(chosen);
    for (const cpu of cpus) {
      if (off) next.delete(cpu);
      else next.add(cpu);
    }
    this.emit("cpus", formatCpus(next));
  }
}

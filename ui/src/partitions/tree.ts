/**
 * Partitions as a tree with their figures, as ARIA's treegrid has it: one row is in the order of Tab, with what is in
 * it; arrows up and down, Home and End move, right unfolds a row or goes into it, left goes back, folds it, or goes to
 * the one above; Enter opens (event `open`, the partition). Dispatches `fold` with the paths that are folded.
 */

import type { GroupSummary, Partition } from "../api/types";
import { idOf } from "../api/uris";
import { css, customElement, html, HpmElement, nothing, property, query, repeat, state } from "../base/element";
import { bytes, cpus, fixed, MIB } from "../base/format";
import { link } from "../base/page";
import { plural, t } from "../base/texts";
import type { Action, MenuPart } from "../parts/menu";
import { cpuWords, memoryWords, useBar, USE_BAR } from "./bar";
import { capOf, cpuUse, inOrder, isWithin, levelOf, memoryUse, nameOf, serversWithin, stateShape, stateWord, weightText } from "./data";

const CONTROLS = "a, button:not(.fold)";

@customElement("hpm-partition-tree")
export class PartitionTreePart extends HpmElement {
  @property() label = "";
  /** All partitions of the host. */
  @property({ attribute: false }) all: readonly Partition[] = [];
  /** Only those below this path are shown; "": all. */
  @property() below = "";
  /** Groups by their ids, for their names. */
  @property({ attribute: false }) groups: ReadonlyMap<string, GroupSummary> = new Map();
  @property({ attribute: false }) folded: ReadonlySet<string> = new Set();
  /** The host's memory, in MiB. */
  @property({ attribute: false }) hostMib: number | null = null;
  @property({ attribute: false }) actions: ((one: Partition) => readonly Action[]) | null = null;
  @state() private active = "";
  @query("hpm-menu") private menu!: MenuPart | null;
  /** Whether the focus was in the rows before they were drawn anew. */
  private had = false;

  static override styles = [
    HpmElement.styles,
    USE_BAR,
    css`
      :host {
        display: block;
        container-type: inline-size;
        overflow-x: auto;
      }
      td {
        white-space: nowrap;
      }
      th {
        color: var(--dim);
      }
      td.name {
        width: 40%;
      }
      .name > span {
        display: flex;
        align-items: center;
        padding-inline-start: calc(var(--step) * var(--level, 0));
      }
      td.name {
        --step: 20px;
      }
      .level1 {
        --level: 1;
      }
      .level2 {
        --level: 2;
      }
      .level3 {
        --level: 3;
      }
      .level4 {
        --level: 4;
      }
      .level5 {
        --level: 5;
      }
      .fold,
      .leaf {
        flex: none;
        width: 24px;
        min-height: 24px;
        padding: 0;
        border: none;
        background: none;
      }
      tr[data-id] {
        cursor: pointer;
      }
      tr[data-id]:hover {
        background: var(--soft);
      }
      tr:focus-visible {
        outline-offset: -2px;
      }
      .off {
        color: var(--dim);
      }
      .drift {
        color: var(--missed);
        font-weight: 600;
      }
      .figure {
        display: flex;
        gap: 8px;
        align-items: center;
      }
      .more {
        min-height: 28px;
      }
      .brief {
        display: none;
        color: var(--dim);
      }
      .name a,
      .groups a {
        display: inline-block;
        overflow: hidden;
        text-overflow: ellipsis;
        max-width: 12rem;
        vertical-align: middle;
      }
      .groups a {
        max-width: 8rem;
      }
      td.groups {
        white-space: normal;
      }
      td.end {
        padding: 0;
        text-align: end;
      }
      /* in px: a length in rem is measured by a variable, which conditions cannot have */
      @container (max-width: 1180px) {
        .figure > span {
          display: none;
        }
        .name a {
          max-width: 9rem;
        }
        .groups a {
          max-width: 5rem;
          white-space: nowrap;
        }
      }
      @container (max-width: 900px) {
        .wide {
          display: none;
        }
      }
      @container (max-width: 800px) {
        .mid {
          display: none;
        }
      }
      @container (max-width: 620px) {
        .some {
          display: none;
        }
        .brief {
          display: inline;
        }
        td.name {
          --step: 10px;
          white-space: normal;
          overflow-wrap: anywhere;
        }
        .name a {
          max-width: none;
        }
        td,
        th {
          padding-inline-end: 6px;
        }
      }
    `,
  ];

  override willUpdate(): void {
    this.had = Boolean(this.shadowRoot?.activeElement?.closest("tbody"));
    const shown = this.shown;
    if (!shown.some((one) => one["object-id"] === this.active)) this.active = shown[0]?.["object-id"] ?? "";
  }

  override updated(): void {
    if (this.had && !this.shadowRoot!.activeElement && !this.menu?.showing) this.rowOf(this.active)?.focus();
  }

  /** The rows: those that stand in none that is folded. */
  private get shown(): Partition[] {
    const all = inOrder(this.all).filter((one) => this.below === "" || (one.path !== this.below && isWithin(one.path, this.below)));
    return all.filter((one) => ![...this.folded].some((path) => path !== one.path && path !== this.below && isWithin(one.path, path)));
  }

  override render() {
    const rows = this.shown;
    const top = Math.min(...rows.map((one) => levelOf(one.path)));
    return html`<table role="treegrid" aria-label=${this.label} @keydown=${this.typed} @focusin=${this.focusedIn}>
        <thead>
          <tr>
            <th>${t("Partition")}</th>
            <th class="some">${t("State")}</th>
            <th title=${t("What is used, of the narrowest cap of it and of all that it stands in")}>${t("CPUs used")}</th>
            <th class="some" title=${t("What is taken, of the narrowest limit of it and of all that it stands in")}>${t("Memory")}</th>
            <th class="number mid" title=${t("Its part of the shares of all that stands beside it in its parent")}>${t("Weight")}</th>
            <th class="number mid">${t("Cap (CPUs)")}</th>
            <th class="number wide">${t("Reserve (CPUs)")}</th>
            <th class="number some">${t("Servers")}</th>
            <th class="wide">${t("Group")}</th>
            ${this.actions ? html`<th><span class="hidden-text">${t("Actions")}</span></th>` : nothing}
          </tr>
        </thead>
        <tbody>
          ${repeat(rows, (one) => one["object-id"], (one) => this.row(one, levelOf(one.path) - top))}
        </tbody>
      </table>
      ${this.actions ? html`<hpm-menu bare></hpm-menu>` : nothing}`;
  }

  private row(one: Partition, level: number) {
    const id = one["object-id"];
    const siblings = inOrder(this.all.filter((other) => other.parent === one.parent));
    const folds = one.children.length > 0;
    const open = !this.folded.has(one.path);
    const [cpu, memory] = [cpuUse(one), memoryUse(one, this.hostMib)];
    const tab = id === this.active ? "0" : "-1";
    const within = serversWithin(one, this.all);
    return html`<tr
      data-id=${id}
      tabindex=${tab}
      aria-level=${level + 1}
      aria-posinset=${siblings.findIndex((other) => other["object-id"] === id) + 1}
      aria-setsize=${siblings.length}
      aria-expanded=${folds ? String(open) : nothing}
      @click=${(event: MouseEvent) => this.clicked(event, one)}
    >
      <td class="name level${level}">
        <span
          >${folds
            ? html`<button class="fold" type="button" tabindex="-1" aria-hidden="true" @click=${() => this.fold(one, open)}>${open ? "▾" : "▸"}</button>`
            : html`<span class="leaf"></span>`}<a href=${link("partitions", id)} tabindex=${tab} title=${one.path}>${nameOf(one.path)}</a
          ><span class="brief" aria-hidden="true">&nbsp;${stateShape(one)}${one.drift.length > 0 ? drift(one) : nothing}</span></span
        >
      </td>
      <td class="some ${one.state === "active" ? "" : "off"}">
        <span aria-hidden="true">${stateShape(one)}</span> ${stateWord(one)}${one.drift.length > 0
          ? drift(one)
          : nothing}
      </td>
      <td><span class="figure">${one.state === "active" ? html`${useBar(cpu, cpuWords(cpu))}<span>${cpus(cpu.used)}</span>` : html`<span class="dim">–</span>`}</span></td>
      <td class="some">
        <span class="figure">${memory.used === null ? html`<span class="dim">–</span>` : html`${useBar(memory, memoryWords(memory))}<span>${bytes(memory.used * MIB)}</span>`}</span>
      </td>
      <td class="number mid">${weightText(one)}</td>
      <td class="number mid">${cpus(capOf(one))}</td>
      <td class="number wide">${cpus(one.reserve)}</td>
      <td class="number some" title=${plural("{n} server stands in it itself", "{n} servers stand in it themselves", one["virtual-servers"].length)}>${fixed(within)}</td>
      <td class="wide groups">
        ${one["workload-resource-groups"].map(idOf).map(
          (group, at) => html`${at ? ", " : ""}<a href=${link("groups", group)} tabindex=${tab} title=${this.groups.get(group)?.name ?? ""}>${this.groups.get(group)?.name ?? group}</a>`,
        )}
      </td>
      ${this.actions
        ? html`<td class="end">
            <button
              class="more plain"
              type="button"
              tabindex=${tab}
              aria-haspopup="menu"
              aria-label=${t("{name} of {thing}", { name: t("Actions"), thing: one.path })}
              @click=${(event: Event) => this.openMenu(event.currentTarget as HTMLElement, one)}
            >
              ⋮
            </button>
          </td>`
        : nothing}
    </tr>`;
  }

  override focus(): void {
    this.rowOf(this.active)?.focus();
  }

  private rowOf(id: string): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>(`tr[data-id="${id}"]`);
  }

  private openMenu(anchor: HTMLElement, one: Partition): void {
    void this.menu?.showFor(anchor, one.path, this.actions!(one), () => (anchor.isConnected ? anchor : this.rowOf(this.active))?.focus());
  }

  private fold(one: Partition, fold: boolean): void {
    const folded = new Set(this.folded);
    if (fold) folded.add(one.path);
    else folded.delete(one.path);
    this.emit("fold", [...folded]);
  }

  private clicked(event: MouseEvent, one: Partition): void {
    const within = event.composedPath();
    const end = within.indexOf(event.currentTarget!);
    if (within.slice(0, end).some((other) => other instanceof Element && other.matches("a, button, hpm-menu"))) return;
    this.emit("open", one);
  }

  private focusedIn(event: FocusEvent): void {
    const id = (event.target as HTMLElement).closest<HTMLElement>("tr[data-id]")?.dataset["id"];
    if (id) this.active = id;
  }

  private typed(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>("tr[data-id]");
    if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
    const rows = this.shown;
    const at = rows.findIndex((one) => one["object-id"] === row.dataset["id"]);
    const one = rows[at]!;
    const controls = [...row.querySelectorAll<HTMLElement>(CONTROLS)].filter((other) => other.checkVisibility());
    const inside = controls.indexOf(target);
    const folds = one.children.length > 0;
    const open = !this.folded.has(one.path);
    if (event.key === "ArrowDown") this.go(rows[at + 1]);
    else if (event.key === "ArrowUp") this.go(rows[at - 1]);
    else if (event.key === "Home") this.go(rows[0]);
    else if (event.key === "End") this.go(rows.at(-1));
    else if (event.key === "ArrowRight") {
      if (inside < 0 && folds && !open) this.fold(one, false);
      else controls[inside + 1]?.focus();
    } else if (event.key === "ArrowLeft") {
      if (inside > 0) controls[inside - 1]!.focus();
      else if (inside === 0) row.focus();
      else if (folds && open) this.fold(one, true);
      else this.go(rows.find((other) => other["object-uri"] === one.parent));
    } else if (event.key === "Enter" && target === row) this.emit("open", one);
    else return;
    event.preventDefault();
  }

  private go(one: Partition | undefined): void {
    if (!one) return;
    this.active = one["object-id"];
    void this.updateComplete.then(() => this.rowOf(this.active)?.focus());
  }
}

/** That somebody changed what is in force. */
function drift(one: Partition) {
  const said = t("drifted: {names}", { names: one.drift.join(", ") });
  return html` <span class="drift" title=${said}><span aria-hidden="true">▲</span><span class="hidden-text">${said}</span></span>`;
}

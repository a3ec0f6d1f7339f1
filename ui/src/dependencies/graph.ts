/**
 * Who needs whom, drawn: what is needed left, what needs it right. A server is a link to its page; one of them is in the
 * order of Tab, arrows go along the dependencies and within a layer. What is known of the one that has the focus, or the
 * pointer, stands below.
 */

import type { DependencyEdge } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property, repeat, state, svg, type PropertyValues } from "../base/element";
import { list } from "../base/format";
import { complaint } from "../base/notices";
import { link } from "../base/page";
import { t } from "../base/texts";
import { BOX, laidOut, type Layout, type Point } from "./layout";
import { needsId, STANDING_SHAPES, standingOf, standingWord, waitsId, whenItStops, type Knot } from "./words";

const LONGEST = 14; // characters of a name that fit

@customElement("hpm-dependency-graph")
export class DependencyGraphPart extends HpmElement {
  /** What is drawn, by id. */
  @property({ attribute: false }) knots: ReadonlyMap<string, Knot> = new Map();
  @state() private active = "";
  @state() private pointed = "";
  private layout: Layout = laidOut([], []);
  private edges: readonly DependencyEdge[] = [];
  private laid = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      .scroll {
        overflow: auto;
        max-height: 70vh;
        border: 1px solid var(--line);
        border-radius: var(--radius);
      }
      svg {
        display: block;
      }
      .box {
        fill: var(--raised);
        stroke: var(--edge);
      }
      .ready .box {
        stroke: var(--met);
        stroke-width: 2;
      }
      .begins .box {
        stroke: var(--advice);
        stroke-width: 2;
        stroke-dasharray: 6 3;
      }
      .off .box {
        stroke-dasharray: 2 3;
      }
      .unknown .box {
        stroke: var(--missed);
        stroke-dasharray: 2 3;
      }
      text {
        fill: var(--text);
        font: 600 14px var(--font);
      }
      text.word {
        fill: var(--dim);
        font: 13px var(--font);
      }
      .ready .shape {
        fill: var(--met);
      }
      .begins .shape {
        fill: var(--advice);
      }
      .unknown .shape {
        fill: var(--missed);
      }
      a:focus {
        outline: none;
      }
      a:focus-visible .box {
        stroke: var(--accent);
        stroke-width: 3;
        stroke-dasharray: none;
      }
      a:hover {
        text-decoration: none;
      }
      a:hover .box {
        fill: var(--soft);
      }
      .edge {
        fill: none;
        stroke: var(--edge);
        stroke-width: 1.25;
      }
      .edge.stop {
        stroke-width: 2.5;
      }
      .edge.ignore {
        stroke-dasharray: 4 4;
      }
      .edge.near {
        stroke: var(--accent);
      }
      .tip {
        fill: var(--edge);
      }
      .faint {
        opacity: 0.35;
      }
      .about {
        min-height: 4.5em;
        padding: 8px 0;
      }
      .legend {
        gap: 4px 20px;
        font-size: var(--small);
        color: var(--dim);
      }
      .legend svg {
        display: inline-block;
        vertical-align: middle;
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("knots")) return;
    const ids = [...this.knots.keys()];
    this.edges = [...this.knots.values()].flatMap((one) => one.needs).filter((edge) => this.knots.has(needsId(edge)));
    const laid = JSON.stringify([ids, this.edges.map((edge) => [needsId(edge), waitsId(edge)])]);
    if (laid !== this.laid) this.layout = laidOut(ids, this.edges.map((edge) => ({ from: needsId(edge), to: waitsId(edge) })));
    this.laid = laid;
    if (!this.knots.has(this.active)) this.active = this.layout.layers[0]?.[0] ?? "";
    if (!this.knots.has(this.pointed)) this.pointed = "";
  }

  override render() {
    const { width, height, places, ways } = this.layout;
    return html`<div class="scroll">
        <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="group" aria-label=${t("Dependencies, drawn; the table below says the same")} @keydown=${this.typed}>
          <defs>
            <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">
              <path class="tip" d="M0 0 L8 4 L0 8 z"></path>
            </marker>
          </defs>
          ${this.edges.map((edge, at) => this.edge(edge, ways[at]!))}
          ${repeat([...this.knots.values()], (one) => one.id, (one) => this.box(one, places.get(one.id)!))}
        </svg>
      </div>
      ${this.legend()}
      <div class="about">${this.about(this.knots.get(this.pointed))}</div>`;
  }

  private edge(edge: DependencyEdge, way: readonly Point[]) {
    const near = this.pointed !== "" && (needsId(edge) === this.pointed || waitsId(edge) === this.pointed);
    const faint = this.pointed !== "" && !near ? "faint" : "";
    return svg`<path class="edge ${edge["when-it-stops"]} ${near ? "near" : faint}" d=${curve(way)} marker-end="url(#tip)"></path>`;
  }

  private box(one: Knot, at: Point) {
    const { node } = one;
    const standing = standingOf(node);
    const name = node.name.length > LONGEST ? `${node.name.slice(0, LONGEST - 1)}…` : node.name;
    const label = [node.name, standingWord(node), node.reason ?? ""].filter(Boolean).join(", ");
    return svg`<a
      href=${link("servers", one.id)}
      data-id=${one.id}
      class=${standing}
      tabindex=${one.id === this.active ? "0" : "-1"}
      aria-label=${label}
      @focus=${() => this.point(one.id, true)}
      @blur=${() => this.point("")}
      @pointerenter=${() => this.point(one.id)}
      @pointerleave=${() => this.point("")}
    >
      <rect class="box" x=${at.x} y=${at.y} width=${BOX.width} height=${BOX.height} rx="4"></rect>
      <text class="shape" x=${at.x + 12} y=${at.y + 19}>${STANDING_SHAPES[standing]}</text>
      <text x=${at.x + 30} y=${at.y + 19}>${name}</text>
      <text class="word" x=${at.x + 30} y=${at.y + 36}>${standingWord(node)}</text>
    </a>`;
  }

  private legend() {
    const line = (kind: DependencyEdge["when-it-stops"], text: string) => html`<span
      ><svg width="36" height="8" aria-hidden="true"><path class="edge ${kind}" d="M0 4 H36"></path></svg> ${text}</span
    >`;
    return html`<div class="row legend">
      <span>${t("An arrow leads from what is needed to what needs it. When that stops, the other one:")}</span>
      ${line("stop", t("stops with it"))} ${line("warn", t("runs on, with a warning"))} ${line("ignore", t("runs on"))}
    </div>`;
  }

  /** What is known of one, and why it waits. */
  private about(one: Knot | undefined) {
    if (!one) return html`<p class="dim">${t("Point at a server, or go to it by Tab and arrows, to see why it waits.")}</p>`;
    const { node } = one;
    const name = (id: string) => this.knots.get(id)?.node.name ?? id;
    const needs = one.needs.map((edge) => t("{name} ({what})", { name: name(needsId(edge)), what: whenItStops(edge) }));
    return html`<p><strong>${node.name}</strong> ${STANDING_SHAPES[standingOf(node)]} ${standingWord(node)}. ${node.reason ? complaint(node.reason, node.reason) : nothing}</p>
      ${needs.length > 0 ? html`<p>${t("It needs {names}.", { names: list(needs) })}</p>` : nothing}
      ${one.neededBy.length > 0 ? html`<p>${t("It is needed by {names}.", { names: list(one.neededBy.map((edge) => name(waitsId(edge)))) })}</p>` : nothing}`;
  }

  private point(id: string, active = false): void {
    this.pointed = id;
    if (active) this.active = id;
  }

  private typed(event: KeyboardEvent): void {
    const id = (event.target as Element).closest<SVGElement>("[data-id]")?.dataset["id"];
    const one = id ? this.knots.get(id) : undefined;
    if (!one || event.ctrlKey || event.altKey || event.metaKey) return;
    const layer = this.layout.layers.find((ids) => ids.includes(one.id)) ?? [];
    const at = layer.indexOf(one.id);
    const all = this.layout.layers.flat();
    const next: Record<string, string | undefined> = {
      ArrowRight: one.neededBy.map(waitsId).find((other) => this.knots.has(other)),
      ArrowLeft: one.needs.map(needsId).find((other) => this.knots.has(other)),
      ArrowDown: layer[at + 1],
      ArrowUp: layer[at - 1],
      Home: all[0],
      End: all.at(-1),
    };
    if (!(event.key in next)) return;
    event.preventDefault();
    const to = next[event.key];
    if (to) this.renderRoot.querySelector<SVGElement>(`[data-id="${CSS.escape(to)}"]`)?.focus();
  }
}

/** A line through points, bent between layers. */
function curve(way: readonly Point[]): string {
  const [first, ...rest] = way;
  if (!first) return "";
  let [x, y] = [first.x, first.y];
  const parts = [`M${x} ${y}`];
  for (const point of rest) {
    const bend = Math.max(24, Math.abs(point.x - x) / 2);
    parts.push(point.y === y ? `L${point.x} ${point.y}` : `C${x + bend} ${y} ${point.x - bend} ${point.y} ${point.x} ${point.y}`);
    [x, y] = [point.x, point.y];
  }
  return parts.join(" ");
}

/**
 * The week of a schedule as a picture: days down, hours across, the policy of each stretch, and where it is now.
 *
 * Who may paints with the pointer (event `paint`: days and minutes of a block). It is a picture: all of it can be read
 * and changed in the list of entries too.
 */

import { css, customElement, html, HpmElement, nothing, property, state, svg } from "../base/element";
import { t } from "../base/texts";
import { DAY, gapsOf, runsOf, timeOf, type Run, type Week } from "./week";
import { DAYS, dayWord } from "./words";

export interface Painted {
  days: [number, number];
  minutes: [number, number];
}

const STEP = 30; // minutes
const ROW = 30; // px
const HEAD = 20;
const SERIES = 6;
const HOURS = [0, 3, 6, 9, 12, 15, 18, 21, 24];

@customElement("hpm-week")
export class WeekPart extends HpmElement {
  @property({ attribute: false }) week: Week = [];
  /** All policies of the group; a policy's place says its colour. */
  @property({ attribute: false }) policies: readonly string[] = [];
  @property() otherwise = "";
  /** The minute of the week that it is on the host; -1: not known. */
  @property({ type: Number }) now = -1;
  @property({ type: Boolean }) readonly = false;
  @state() private block: Painted | null = null;
  @state() private width = 900;
  private begun: { day: number; step: number } | null = null;
  private readonly sizes = new ResizeObserver(([entry]) => (this.width = Math.max(300, Math.floor(entry!.contentRect.width))));

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      svg {
        display: block;
        touch-action: none;
        user-select: none;
      }
      .paints {
        cursor: crosshair;
      }
      text {
        font-size: 12px;
        fill: var(--text);
      }
      .dim {
        fill: var(--dim);
      }
      .ground {
        fill: var(--soft);
      }
      .line {
        stroke: var(--line);
      }
      .run {
        stroke: var(--ground);
        fill-opacity: 0.28;
      }
      .edge {
        fill: none;
        stroke-width: 1.5;
      }
      .s0 {
        fill: var(--series-1);
        stroke: var(--series-1);
      }
      .s1 {
        fill: var(--series-2);
        stroke: var(--series-2);
      }
      .s2 {
        fill: var(--series-3);
        stroke: var(--series-3);
      }
      .s3 {
        fill: var(--series-4);
        stroke: var(--series-4);
      }
      .s4 {
        fill: var(--series-5);
        stroke: var(--series-5);
      }
      .s5 {
        fill: var(--series-6);
        stroke: var(--series-6);
      }
      .now {
        stroke: var(--missed);
        stroke-width: 2;
      }
      .block {
        fill: none;
        stroke: var(--accent);
        stroke-width: 2;
        stroke-dasharray: 4 2;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  private get side(): number {
    return this.width < 500 ? 34 : 48;
  }

  private x(minute: number): number {
    return this.side + (minute / DAY) * (this.width - this.side - 8);
  }

  override render() {
    const height = HEAD + 7 * ROW + 2;
    return html`<svg
      class=${this.readonly ? "" : "paints"}
      width=${this.width}
      height=${height}
      role="img"
      aria-label=${t("The week of this schedule; the list of entries says the same")}
      @pointerdown=${this.down}
      @pointermove=${this.moved}
      @pointerup=${this.up}
      @pointercancel=${() => this.stop()}
    >
      ${HOURS.map((hour) => svg`<text class="dim" x=${this.x(hour * 60)} y="13" text-anchor=${hour === 24 ? "end" : hour === 0 ? "start" : "middle"}>${hour}</text>`)}
      ${DAYS.map((day, at) => this.day(day, at))}
      ${HOURS.map((hour) => svg`<line class="line" x1=${this.x(hour * 60)} x2=${this.x(hour * 60)} y1=${HEAD} y2=${HEAD + 7 * ROW}></line>`)}
      ${this.now < 0 ? nothing : this.nowLine()} ${this.block ? this.blockShape(this.block) : nothing}
    </svg>`;
  }

  private day(day: (typeof DAYS)[number], at: number) {
    const top = HEAD + at * ROW;
    const [x, end] = [this.x(0), this.x(DAY)];
    return svg`<g>
      <text class="dim" x="0" y=${top + 20}>${dayWord(day)}</text>
      <rect class="ground" x=${x} y=${top + 1} width=${end - x} height=${ROW - 2}><title>${this.otherwise}</title></rect>
      ${gapsOf(this.week, at).map((gap) => this.gap(gap, top))} ${runsOf(this.week, at).map((run) => this.run(run, top))}
    </g>`;
  }

  /** Where no entry holds: what `otherwise` says. */
  private gap(gap: Run, top: number) {
    const label = this.fitting(this.otherwise, this.x(gap.to) - this.x(gap.from));
    return svg`<text class="dim" x=${this.x(gap.from) + 5} y=${top + 20}>${label}</text>`;
  }

  /** As much of a name as there is room for. */
  private fitting(name: string, width: number): string {
    const room = Math.floor((width - 8) / 7);
    return name.length <= room ? name : room > 2 ? `${name.slice(0, room - 1)}…` : "";
  }

  private run(run: Run, top: number) {
    const x = this.x(run.from);
    const width = this.x(run.to) - x;
    const colour = `s${Math.max(0, this.policies.indexOf(run.policy)) % SERIES}`;
    const label = this.fitting(run.policy, width);
    const title = `${run.policy} ${timeOf(run.from)}–${run.to === DAY ? "24:00" : timeOf(run.to)}`;
    return svg`<g>
      <title>${title}</title>
      <rect class="run ${colour}" x=${x} y=${top + 2} width=${width} height=${ROW - 4}></rect>
      <rect class="edge ${colour}" fill="none" fill-opacity="0" x=${x + 1} y=${top + 3} width=${Math.max(0, width - 2)} height=${ROW - 6}></rect>
      <text x=${x + 5} y=${top + 20}>${label}</text>
    </g>`;
  }

  private nowLine() {
    const top = HEAD + Math.floor(this.now / DAY) * ROW;
    const x = this.x(this.now % DAY);
    return svg`<g><title>${t("now, on the host: {time}", { time: timeOf(this.now) })}</title>
      <line class="now" x1=${x} x2=${x} y1=${top - 2} y2=${top + ROW + 2}></line>
      <path class="now" d="M ${x - 4} ${top - 4} h 8 l -4 5 z"></path></g>`;
  }

  private blockShape({ days, minutes }: Painted) {
    const x = this.x(minutes[0]);
    return svg`<rect class="block" x=${x} y=${HEAD + days[0] * ROW + 1} width=${this.x(minutes[1]) - x} height=${(days[1] - days[0] + 1) * ROW - 2}></rect>`;
  }

  private cell(event: PointerEvent): { day: number; step: number } {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const minute = ((event.clientX - box.left - this.side) / (this.width - this.side - 8)) * DAY;
    const limit = (value: number, most: number) => Math.max(0, Math.min(most, Math.floor(value)));
    return { day: limit((event.clientY - box.top - HEAD) / ROW, 6), step: limit(minute / STEP, DAY / STEP - 1) };
  }

  private down(event: PointerEvent): void {
    if (this.readonly || event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.begun = this.cell(event);
    this.block = this.between(this.begun);
  }

  private moved(event: PointerEvent): void {
    if (this.begun) this.block = this.between(this.cell(event));
  }

  private up(event: PointerEvent): void {
    if (!this.begun) return;
    const block = this.between(this.cell(event));
    this.stop();
    this.emit<Painted>("paint", block);
  }

  private stop(): void {
    this.begun = null;
    this.block = null;
  }

  private between(end: { day: number; step: number }): Painted {
    const begun = this.begun!;
    return {
      days: [Math.min(begun.day, end.day), Math.max(begun.day, end.day)],
      minutes: [STEP * Math.min(begun.step, end.step), STEP * (Math.max(begun.step, end.step) + 1)],
    };
  }
}

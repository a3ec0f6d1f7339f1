/** What a partition uses of what it can have at most: a thin bar, 120 × 14 px, as that of velocity; a tick at a limit. */

import { css, html, nothing, svg } from "../base/element";
import { bytes, cpus, MIB } from "../base/format";
import { t } from "../base/texts";
import type { Use } from "./data";

const WIDTH = 120;
const HEIGHT = 14;
const BAR = 6;
/** From this part of a limit on, it is about to hold back. */
const FULL = 0.95;

export const USE_BAR = css`
  .use {
    vertical-align: middle;
    flex: none;
  }
  .use .track {
    fill: var(--line);
  }
  .use .used {
    fill: var(--series-1);
  }
  .use .full {
    fill: var(--series-6);
  }
  .use .limit {
    fill: var(--text);
  }
`;

/** `said`: the same in words. */
export function useBar({ used, most, limited }: Use, said: string) {
  const part = used !== null && most ? Math.min(1, Math.max(0, used / most)) : null;
  const top = (HEIGHT - BAR) / 2;
  return html`<svg class="use" width=${WIDTH} height=${HEIGHT} role="img" aria-label=${said}>
    <title>${said}</title>
    <rect class="track" y=${top} width=${WIDTH} height=${BAR} rx="1"></rect>
    ${part === null ? nothing : svg`<rect class=${limited && part >= FULL ? "full" : "used"} y=${top} width=${part * WIDTH} height=${BAR} rx="1"></rect>`}
    ${limited ? svg`<rect class="limit" x=${WIDTH - 2} width="2" height=${HEIGHT}></rect>` : nothing}
  </svg>`;
}

export function cpuWords({ used, most, limited }: Use): string {
  const values = { used: cpus(used), most: cpus(most) };
  if (most === null) return t("uses {used} CPUs", values);
  return limited ? t("uses {used} CPUs, capped at {most}", values) : t("uses {used} of {most} CPUs, no cap", values);
}

export function memoryWords({ used, most, limited }: Use): string {
  const size = (mib: number | null) => bytes(mib === null ? null : mib * MIB);
  const values = { used: size(used), most: size(most) };
  if (most === null) return t("{used} taken", values);
  return limited ? t("{used} taken, limited to {most}", values) : t("{used} taken of {most}, no limit", values);
}

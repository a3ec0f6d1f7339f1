/**
 * The memory of a server: a thin bar of what it uses, on what its balloon leaves it, on what it can have; 120 × 14 px,
 * as the one of velocity (`bullet.ts`).
 */

import { css, html, nothing, svg } from "../base/element";
import { bytes, MIB } from "../base/format";
import { t } from "../base/texts";

const WIDTH = 120;
const HEIGHT = 14;
const BAR = 6;

export const MEMORY_BAR = css`
  .memory-bar {
    vertical-align: middle;
  }
  .memory-bar .whole {
    fill: none;
    stroke: var(--edge);
  }
  .memory-bar .has {
    fill: var(--line);
  }
  .memory-bar .used {
    fill: var(--series-3);
  }
  .memory-bar .edge {
    fill: var(--text);
  }
`;

/** In MiB; null: not known. */
export function memoryBar(used: number | null, has: number | null, whole: number) {
  const label = memoryWords(used, has, whole);
  const x = (value: number) => (whole > 0 ? Math.min(1, Math.max(0, value / whole)) * WIDTH : 0);
  const top = (HEIGHT - BAR) / 2;
  return html`<svg class="memory-bar" width=${WIDTH} height=${HEIGHT} role="img" aria-label=${label}>
    <title>${label}</title>
    <rect class="whole" x="0.5" y=${top - 0.5} width=${WIDTH - 1} height=${BAR + 1} rx="1"></rect>
    ${has === null ? nothing : svg`<rect class="has" y=${top} width=${x(has)} height=${BAR} rx="1"></rect>`}
    ${used === null ? nothing : svg`<rect class="used" y=${top} width=${x(used)} height=${BAR} rx="1"></rect>`}
    ${has === null ? nothing : svg`<rect class="edge" x=${Math.max(0, x(has) - 2)} width="2" height=${HEIGHT}></rect>`}
  </svg>`;
}

/** The same in words. */
export function memoryWords(used: number | null, has: number | null, whole: number): string {
  const size = (value: number | null) => bytes(value === null ? null : MIB * value);
  const values = { used: size(used), has: size(has), whole: size(whole) };
  if (has === null) return t("can have {whole}", values);
  return used === null ? t("has {has} of {whole}", values) : t("uses {used}, has {has} of {whole}", values);
}

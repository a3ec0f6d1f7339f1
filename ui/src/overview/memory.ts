/** The host's memory now: what is available, what tasks wait for, what balloons took, and what KSM saves. */

import type { HostMetrics, MetricsHistory, Settings } from "../api/types";
import { Resource } from "../api/resource";
import { customElement, html, HpmElement, nothing, property } from "../base/element";
import { bytes, fixed, NONE, percent } from "../base/format";
import { t } from "../base/texts";
import { figure, FIGURES, known } from "./figure";

const GIB = 2 ** 30;

@customElement("hpm-host-memory")
export class HostMemory extends HpmElement {
  @property({ attribute: false }) raw: HostMetrics | undefined;
  @property({ attribute: false }) past: MetricsHistory | undefined;
  private readonly settings = new Resource<Settings>(this, () => "/settings");

  static override styles = [HpmElement.styles, FIGURES];

  override render() {
    const raw = this.raw?.metrics ?? {};
    const { "memory-size": size, "memory-available": free, "memory-limit": limit, ballooned } = raw;
    const past = (this.past?.metrics["memory-available"]?.mean ?? []).map((one) => (one === null ? null : one / GIB));
    const part = typeof size === "number" && typeof free === "number" && size > 0 ? (100 * free) / size : null;
    return html`<dl>
      ${figure(t("Available"), bytes(free), part === null ? NONE : t("{part}\u00a0% of {size}", { part: percent(part), size: bytes(size) }), past, 1)}
      ${typeof limit === "number" ? figure(t("Limit"), bytes(limit), t("so much may all servers together take")) : nothing}
      ${figure(t("Taken by balloons"), bytes(ballooned), t("of what servers can have"))}
      ${typeof raw["ksm-run"] === "number" ? figure(t("Saved by merging"), saved(raw), this.merging(raw["ksm-run"])) : nothing}
      ${typeof raw["memory-pressure"] === "number"
        ? figure(t("Memory pressure"), known(raw["memory-pressure"], "%"), t("of the last 10\u00a0s some program waited for memory"))
        : nothing}
    </dl>`;
  }

  /** Whether equal pages are merged, and that hpm has nothing to do with it, if so. */
  private merging(run: number): string {
    const managed = this.settings.value?.["manage-ksm"] ?? true;
    return managed ? ksm(run) : t("{what}; not managed by hpm", { what: ksm(run) });
  }
}

/** What merging saves; pages, where the kernel does not tell what it takes itself. */
function saved(raw: HostMetrics["metrics"]): string {
  const profit = raw["ksm-profit"];
  return typeof profit === "number" ? bytes(Math.max(0, profit)) : t("{n} pages", { n: fixed(raw["ksm-pages-sharing"]) });
}

/** Whether equal pages are merged. */
function ksm(run: number): string {
  if (run === 1) return t("equal pages are merged (KSM)");
  return run === 2 ? t("merged pages are taken apart (KSM)") : t("equal pages are not merged (KSM is off)");
}

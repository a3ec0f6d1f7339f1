/** About: versions, what this host lets hpm do and tell, how large the history is, and where more is written. */

import { Resource } from "../api/resource";
import type { HistoryState, Version } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, nothing } from "../base/element";
import { bytes, exact, fixed, NONE, span } from "../base/format";
import { PageElement } from "../base/page";
import { later, t } from "../base/texts";
import { overload } from "../parts/overload";

type Ability = Version["controls"][string];

const CONTROLS: Record<string, string> = {
  "cpu-shares": later("CPU shares, by which goals are held"),
  "cpu-quota": later("CPU quotas, by which caps are held"),
};

const STATISTICS: Record<string, string> = {
  "apps-list": later("Applications in the guest"),
  "balloon-info": later("Memory balloon"),
  "balloon-info.target-bytes": later("Target of the memory balloon"),
  "client-ip": later("Address of the console's client"),
  "cpu-pressure": later("CPU pressure (PSI)"),
  disks: later("Disks"),
  "disks-usage": later("File systems in the guest"),
  "guest-ips": later("Addresses of the guest"),
  "memory-stats": later("Memory statistics of the guest"),
  "monitor-response": later("Response of QEMU's monitor"),
  "net-ifaces": later("Network interfaces in the guest"),
  network: later("Network interfaces"),
  "pause-code": later("Why a server is paused"),
  session: later("Sessions in the guest"),
  started: later("When a server was started"),
  "time-offset": later("Offset of the guest's clock"),
  username: later("Users in the guest"),
};

@customElement("hpm-about")
export class AboutPage extends PageElement {
  private readonly version = new Resource<Version>(this, () => "/version", { kinds: ["host", "loop"], ticks: false });
  private readonly history = new Resource<HistoryState>(this, () => "/metrics/history");

  static override styles = [
    PageElement.styles,
    css`
      .facts {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 4px 24px;
        margin: 8px 0 0;
      }
      td,
      tbody th {
        padding-block: 6px;
        vertical-align: top;
      }
      tbody th {
        font-weight: normal;
        font-size: inherit;
        overflow-wrap: anywhere;
      }
      .yes i {
        color: var(--met);
      }
      .no {
        color: var(--missed);
        font-weight: 600;
      }
      i {
        font-style: normal;
        display: inline-block;
        width: 1.1em;
      }
      td.works {
        white-space: nowrap;
      }
      @media (max-width: 480px) {
        .facts {
          grid-template-columns: minmax(0, 1fr);
          gap: 0;
        }
        dd {
          margin-bottom: 8px;
        }
      }
    `,
  ];

  override render() {
    const version = this.version.value;
    return html`<hpm-head heading=${t("About")} sentence=${t("Hypervisor Performance Manager: holds the goals of virtual servers, in order of importance.")}></hpm-head>
      ${version
        ? html`<div class="stack">
            ${this.versions(version)} ${this.abilities(t("What hpm can change here"), CONTROLS, version.controls)} ${this.kept()}
            ${this.abilities(t("What this host tells of its servers"), STATISTICS, version.statistics)} ${this.more()}
          </div>`
        : this.version.error
          ? html`<hpm-problem .what=${t("The version cannot be read.")} .error=${this.version.error} @retry=${() => this.version.refresh()}></hpm-problem>`
          : html`<hpm-skeleton rows="8"></hpm-skeleton>`}`;
  }

  private versions(version: Version) {
    return html`<section class="panel">
      <h2>${t("Versions")}</h2>
      ${facts([
        ["hpm", version["hpm-version"]],
        [t("API"), version["api-version"]],
        [t("Hypervisor"), [version.hypervisor ?? t("not reached yet"), version["hypervisor-version"]].filter(Boolean).join(" ")],
        [t("Connection"), version["hypervisor-uri"]],
        ["libvirt", version["libvirt-version"] || NONE],
        [t("Kernel"), version.kernel ?? NONE],
        [t("Control groups"), version["cgroup-version"] === null ? NONE : t("version {n}", { n: version["cgroup-version"] })],
        [t("Interval"), interval(version)],
        [t("Cycles that took longer"), fixed(version.overruns)],
      ])}
      ${overload(version)}
      ${version.problem ? html`<p class="wrong">${version.problem}</p>` : nothing}
    </section>`;
  }

  private abilities(heading: string, labels: Record<string, string>, abilities: Record<string, Ability>) {
    const rows = Object.entries(abilities)
      .map(([name, ability]) => ({ label: labels[name] ? t(labels[name]) : name, ability }))
      .sort((a, b) => Number(a.ability.works) - Number(b.ability.works) || a.label.localeCompare(b.label));
    return html`<section class="panel">
      <h2>${heading}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">${t("What")}</th>
            <th scope="col">${t("Here")}</th>
            <th scope="col">${t("How, or why not")}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ label, ability }) => html`<tr>
              <th scope="row">${label}</th>
              <td class="works ${ability.works ? "yes" : "no"}">
                <i aria-hidden="true">${ability.works ? "●" : "▲"}</i>${ability.works ? t("works") : t("does not work")}
              </td>
              <td>${ability.works ? ability.how : ability["why-not"]}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </section>`;
  }

  private kept() {
    const history = this.history.value;
    if (!history) return this.history.error ? html`<hpm-problem .what=${t("The history cannot be read.")} .error=${this.history.error} @retry=${() => this.history.refresh()}></hpm-problem>` : nothing;
    const oldest = history.levels.map((one) => one.oldest).filter((one) => one !== null).sort()[0];
    const trouble = history.trouble ?? history["last-trouble"];
    return html`<section class="panel">
      <h2>${t("History of metrics")}</h2>
      ${facts([
        [t("Size"), t("{size} of {bound} at most", { size: bytes(history["size-bytes"]), bound: bytes(history["bound-bytes"]) })],
        [t("Since"), oldest ? exact(oldest) : t("there is none yet")],
        ...history.levels.map((one): [string, string] => [
          one["step-seconds"] === null ? t("Each interval") : t("A point every {time}", { time: span(one["step-seconds"]) }),
          one["kept-seconds"] > 0 ? t("kept for {time}", { time: span(one["kept-seconds"]) }) : t("not kept"),
        ]),
      ])}
      ${history.trouble ? html`<p class="wrong">${history.trouble}</p>` : trouble ? html`<p class="help">${t("Last trouble: {what}", { what: trouble })}</p>` : nothing}
    </section>`;
  }

  private more() {
    return html`<section class="panel stack">
      <h2>${t("More")}</h2>
      <p>
        <a href="${app.client.base}/openapi.json" target="_blank" rel="noopener">${t("The API as an OpenAPI document")}</a>
      </p>
      <p>${t("At a shell of the host, hpm help and man hpm tell about all commands. The documentation comes with hpm's source, in docs/.")}</p>
      <p>${t("hpm is free software under the GNU Lesser General Public License, version 2.1 or later. It comes without any warranty.")}</p>
    </section>`;
  }
}

/** As it is set, and as it is where that is longer. */
function interval(version: Version): string {
  const [set, now] = [version["interval-seconds"], version["interval-in-force-seconds"]];
  return now === set ? span(set) : t("{set}; {now} now", { set: span(set), now: span(now) });
}

function facts(lines: readonly (readonly [string, string])[]) {
  return html`<dl class="facts">${lines.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

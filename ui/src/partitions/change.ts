/**
 * The dialog for the parameters of one group of a partition: those in force, those that it is created with, or both.
 * Only what was typed is sent. Dispatches `saved`.
 */

import { ApiError } from "../api/client";
import type { DeviceLimits, Partition, PartitionParameters } from "../api/types";
import { app } from "../base/app";
import { css, customElement, html, nothing, state } from "../base/element";
import { tellUndo } from "../base/notices";
import { t } from "../base/texts";
import { partitionPath, USUAL_PERIOD } from "./data";
import { devicesOf, emptyDevice, wantedDevices, type DeviceForm } from "./devices";
import { numberIn, PartitionDialog, textOf, type FieldWords } from "./dialog";
import { groupHeading, parametersOf, whyLacking, type GroupName } from "./parameters";

export type Affect = "live" | "config" | "both";

/** What is there of one group; null: it is not active, or not defined. */
interface State {
  live: Record<string, unknown> | null;
  config: Record<string, unknown> | null;
}

const TEXTS = ["shares", "cap", "period", "weight", "hard", "soft", "swap", "cpus", "mems"] as const;
type TextName = (typeof TEXTS)[number];
type Form = Record<TextName, string> & { affect: Affect; touched: string[]; devices: DeviceForm[] };

/** The fields of each group, and the API's names of them. */
const FIELDS: Record<GroupName, readonly (readonly [TextName, string])[]> = {
  cpu: [["shares", "shares"], ["cap", "quota-us"], ["period", "period-us"]],
  blkio: [["weight", "weight"]],
  memory: [["hard", "hard-limit-mib"], ["soft", "soft-limit-mib"], ["swap", "swap-limit-mib"]],
  numa: [["cpus", "cpus"], ["mems", "mems"]],
};

@customElement("hpm-partition-change")
export class PartitionChangeDialog extends PartitionDialog<Form> {
  @state() private of!: Partition;
  @state() private group: GroupName = "cpu";
  @state() private begun: State = { live: null, config: null };
  private lacking: Readonly<Record<string, string>> = {};

  static override styles = [
    PartitionDialog.styles,
    css`
      .disk {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(9rem, 100%), 1fr));
        gap: 8px 12px;
        align-items: start;
      }
      .disk > .whole {
        grid-column: 1 / -1;
      }
    `,
  ];

  protected get keptAs(): string {
    return `partition-${this.group}-${this.of["object-id"]}`;
  }

  /** Opens it on what is there now. Raises `ApiError`. */
  async open(of: Partition, group: GroupName, lacking: Readonly<Record<string, string>>): Promise<void> {
    const { content } = await app.client.get<State>(`${partitionPath(of["object-id"])}/parameters/${group}`);
    this.of = of;
    this.group = group;
    this.begun = content;
    this.lacking = lacking;
    const affect: Affect = content.live && content.config ? "both" : content.live ? "live" : "config";
    this.begin({ ...this.texts(affect), affect, touched: [] });
  }

  /** What stands in the fields before anything is typed. */
  private texts(affect: Affect): Omit<Form, "affect" | "touched"> {
    const base = (affect === "live" ? this.begun.live : this.begun.config) ?? {};
    const said = Object.fromEntries(TEXTS.map((name) => [name, ""])) as Record<TextName, string>;
    for (const [name, path] of FIELDS[this.group]) said[name] = textOf(base[path] as string | number | null | undefined);
    if (this.group === "cpu" && said.cap) said.cap = String(Number(said.cap) / (numberIn(said.period) ?? USUAL_PERIOD));
    return { ...said, devices: devicesOf((base["devices"] as DeviceLimits[] | undefined) ?? []) };
  }

  protected override type(change: Partial<Form>): void {
    const touched = [...new Set([...this.form.touched, ...Object.keys(change).filter((name) => name !== "affect")])];
    super.type({ ...change, touched });
  }

  private affects(affect: Affect): void {
    const typed = Object.fromEntries(this.form.touched.map((name) => [name, this.form[name as keyof Form]]));
    super.type({ ...this.texts(affect), ...typed, affect });
  }

  protected content() {
    const { path } = this.of;
    return this.frame(
      t("{group} of {path}", { group: groupHeading(this.group), path }),
      t("Save"),
      html`<div class="stack">
        <fieldset>
          <legend>${t("What is changed")}</legend>
          ${this.affect("both", t("Both"), t("What is in force, and what it is created with."))}
          ${this.affect("live", t("What is in force"), t("It holds until the partition is created anew."))}
          ${this.affect("config", t("What it is created with"), t("What is in force stays."))}
        </fieldset>
        ${this.fields()}
      </div>`,
    );
  }

  private affect(value: Affect, label: string, help: string) {
    const { live, config } = this.begun;
    const not =
      value !== "config" && !live ? t("It is not active: nothing is in force.") : value !== "live" && !config ? t("It is transient: no definition is kept.") : "";
    return html`<label class="choice">
      <input type="radio" name="affect" value=${value} ?disabled=${not !== ""} .checked=${this.form.affect === value} @change=${() => this.affects(value)} />
      <span>${label}<br /><span class="help">${not || help}</span></span>
    </label>`;
  }

  private fields() {
    switch (this.group) {
      case "cpu":
        return html`${this.one("shares", { label: t("Weight (shares)"), min: "2", autofocus: true, help: t("Among what stands beside it: 2 to 10000. Empty: hpm plans it by the goals of the servers in it, while it manages CPU.") })}
        ${this.one("cap", { label: t("Cap (CPUs)"), min: "0.01", step: "any", help: t("What all in it never exceed together. Empty: none.") })}
        ${this.one("period", { label: t("Period of the cap (µs)"), min: "1000", help: t("In which the cap is counted: 1000 to 1000000. Empty: {n}.", { n: USUAL_PERIOD }) })}`;
      case "memory":
        return html`${this.one("hard", { label: t("Hard limit of memory (MiB)"), min: "1", autofocus: true, help: t("What all in it never take more than together. Where they need more, the kernel ends some. Empty: none.") })}
        ${this.one("soft", { label: t("Soft limit (MiB)"), min: "1", help: t("What the kernel takes them back to when the host is short of memory. Empty: none.") })}
        ${this.one("swap", { label: t("Limit of memory and swap together (MiB)"), min: "1", help: t("Not below the hard limit. Empty: none.") })}`;
      case "numa":
        return html`${this.one("cpus", { label: t("CPUs"), type: "text", autofocus: true, help: t("Such as 0-3,8. Empty: those of the partition around it.") })}
        ${this.one("mems", { label: t("NUMA nodes"), type: "text", help: t("Whose memory it takes, such as 0. Empty: those of the partition around it.") })}`;
      case "blkio":
        return html`${this.one("weight", { label: t("Weight"), min: "10", autofocus: true, help: t("Among what stands beside it: 10 to 1000. Empty: as the kernel has it by itself.") })}
        ${this.disks()}`;
    }
  }

  private one(name: TextName, words: FieldWords) {
    const path = FIELDS[this.group].find(([own]) => own === name)![1];
    const { live, config } = this.begun;
    const differs = this.form.affect === "both" && live && config && textOf(live[path] as string) !== textOf(config[path] as string) && textOf(config[path] as string) !== "";
    const known = parametersOf(this.group).find((one) => one.name === `${this.group}.${path}`)!;
    const said = differs ? ` ${t("In force is {value}.", { value: known.text({ [this.group]: live } as PartitionParameters) || t("what the kernel decides") })}` : "";
    return this.field(name, { ...words, help: `${words.help}${said}`, paths: [path], lacking: whyLacking(this.lacking, `${this.group}.${path}`) });
  }

  private disks() {
    const lacking = whyLacking(this.lacking, "blkio.devices");
    const { devices } = this.form;
    const change = (at: number, part: Partial<DeviceForm>) =>
      this.type({ devices: devices.map((one, index) => (index === at ? { ...one, ...part } : one)) });
    const input = (at: number, name: keyof DeviceForm, label: string, number = true) => html`<div class="field">
      <label for="${name}-${at}">${label}</label>
      <input
        id="${name}-${at}"
        type=${number ? "number" : "text"}
        min=${number ? "0" : nothing}
        step=${number ? "any" : nothing}
        spellcheck="false"
        placeholder=${number ? t("no limit") : "/dev/sda"}
        .value=${devices[at]![name]}
        @input=${(event: Event) => change(at, { [name]: (event.target as HTMLInputElement).value })}
      />
    </div>`;
    if (lacking) return html`<p class="help">${t("Limits of disks")}: ${t("Not on this host: {why}", { why: lacking })}</p>`;
    const wrong = this.wrong(["devices"]);
    return html`<div class="stack" role="group" aria-label=${t("Limits of disks")}>
      <h3>${t("Limits of disks")}</h3>
      ${wrong ? html`<p class="wrong">${wrong}</p>` : nothing}
      ${devices.map(
        (one, at) => html`<fieldset class="disk">
          <legend>${one.device || t("Disk {n}", { n: at + 1 })}</legend>
          <div class="whole">${input(at, "device", t("Disk of the host"), false)}</div>
          ${input(at, "read", t("Read (MiB/s)"))} ${input(at, "write", t("Write (MiB/s)"))} ${input(at, "reads", t("Reads/s"))}
          ${input(at, "writes", t("Writes/s"))}
          <div class="whole">
            <button type="button" @click=${() => this.type({ devices: devices.filter((_, index) => index !== at) })}>${t("Remove the limits of this disk")}</button>
          </div>
        </fieldset>`,
      )}
      <div><button type="button" @click=${() => this.type({ devices: [...devices, emptyDevice()] })}>${t("Limit a disk")}</button></div>
    </div>`;
  }

  /** What was typed, as the API has it. */
  private wanted(): Record<string, unknown> {
    const { form } = this;
    const touched = new Set(form.touched);
    const found: Record<string, unknown> = {};
    for (const [name, path] of FIELDS[this.group]) {
      if (!touched.has(name)) continue;
      found[path] = this.group === "numa" ? form[name].trim() || null : numberIn(form[name]);
    }
    if (touched.has("cap") || (touched.has("period") && form.cap)) {
      const cap = numberIn(form.cap);
      found["quota-us"] = cap === null ? null : Math.round(cap * (numberIn(form.period) ?? USUAL_PERIOD));
    }
    if (touched.has("devices")) found["devices"] = wantedDevices(form.devices);
    return found;
  }

  protected async send(): Promise<string | null> {
    const { affect } = this.form;
    const wanted = this.wanted();
    if (Object.keys(wanted).length === 0) return t("Nothing is changed yet.");
    const path = `${partitionPath(this.of["object-id"])}/parameters/${this.group}`;
    const now = await app.client.get<State>(`${path}?affect=${affect}`);
    const parts = affect === "both" ? (["live", "config"] as const) : [affect];
    if (parts.some((part) => JSON.stringify(now.content[part]) !== JSON.stringify(this.begun[part]))) {
      this.begun = { ...this.begun, ...Object.fromEntries(parts.map((part) => [part, now.content[part]])) };
      return t("Somebody else changed {name} meanwhile. Look at what is there now, and save again if it is to be as you say.", { name: this.of.path });
    }
    try {
      const { etag } = await app.client.post<State>(`${path}?affect=${affect}`, wanted, { etag: now.etag });
      this.emit("saved");
      tellUndo(t("{path} is changed.", { path: this.of.path }), () => this.back(path, parts, now.content, Object.keys(wanted), etag));
      return null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) return t("Somebody else changed {name} meanwhile. Look at what is there now, and save again if it is to be as you say.", { name: this.of.path });
      throw error;
    }
  }

  /** Takes it back: live and config may have been others, so each by itself. */
  private async back(path: string, parts: readonly ("live" | "config")[], before: State, names: readonly string[], etag: string | null): Promise<void> {
    for (const [at, part] of parts.entries()) {
      const was = Object.fromEntries(names.map((name) => [name, before[part]?.[name] ?? (name === "devices" ? [] : null)]));
      await app.client.post(`${path}?affect=${part}`, was, parts.length === 1 && at === 0 ? { etag } : {});
    }
    this.emit("saved");
  }
}

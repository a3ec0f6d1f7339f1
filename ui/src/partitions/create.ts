/** The dialog for a new partition. Dispatches `saved` with it. */

import type { Partition, PartitionList } from "../api/types";
import { app } from "../base/app";
import { customElement, html, state } from "../base/element";
import { tell } from "../base/notices";
import { t } from "../base/texts";
import { inOrder, levelOf, MOST_LEVELS, PARTITIONS, ROOT, USUAL_PERIOD } from "./data";
import { numberIn, PartitionDialog } from "./dialog";
import { wrongName } from "./names";
import { whyLacking } from "./parameters";

interface Form {
  above: string;
  name: string;
  kind: "now" | "later" | "transient";
  description: string;
  autostart: boolean;
  shares: string;
  cap: string;
  reserve: string;
  memory: string;
}

@customElement("hpm-partition-create")
export class PartitionCreateDialog extends PartitionDialog<Form> {
  @state() private list: PartitionList | null = null;
  /** Whether a name was typed, or asked to be taken without one. */
  @state() private named = false;
  protected readonly keptAs = "partition-create";

  /** Opens it; `above`: in which partition it is to stand. */
  open(list: PartitionList, above = ROOT): void {
    this.list = list;
    this.named = false;
    this.begin({ above, name: "", kind: "now", description: "", autostart: true, shares: "", cap: "", reserve: "", memory: "" });
  }

  private get path(): string {
    return `${this.form.above}/${this.form.name}`;
  }

  private get taken(): Set<string> {
    return new Set(this.list?.partitions.map((one) => one.path));
  }

  protected content() {
    const { form } = this;
    const lacking = this.list?.lacking ?? {};
    const wrong = wrongName(form.name, form.above, this.taken);
    const above = inOrder(this.list?.partitions ?? []).filter((one) => levelOf(one.path) < MOST_LEVELS);
    const kept = form.kind !== "transient";
    return this.frame(
      t("Create a partition"),
      form.kind === "later" ? t("Define") : t("Create"),
      html`<div class="stack">
        <div class="field">
          <label for="above">${t("In the partition")}</label>
          <select id="above" @change=${(event: Event) => this.type({ above: (event.target as HTMLSelectElement).value })}>
            ${above.map((one) => html`<option value=${one.path} .selected=${one.path === form.above}>${one.path}</option>`)}
          </select>
        </div>
        ${this.field("name", {
          label: t("Name"),
          type: "text",
          autofocus: true,
          help: wrong || !form.name ? t("Letters, digits and “_”, at most 32, the first a letter or a digit.") : t("It will be {path}.", { path: this.path }),
          paths: ["path"],
          wrong: form.name || this.named ? wrong : "",
        })}
        <fieldset>
          <legend>${t("What becomes of it")}</legend>
          ${this.kind("now", t("Define and create it now"), t("It is kept, and there at once."))}
          ${this.kind("later", t("Define it only"), t("It is kept, and created when you say so."))}
          ${this.kind("transient", t("Create a transient one"), t("It is there now, and gone with the host; nothing is kept of it."))}
        </fieldset>
        ${kept
          ? html`${this.field("description", { label: t("Description"), type: "text", help: t("What it is for.") })}
            ${this.check("autostart", t("Create it again whenever hpm starts"), t("Such as after the host was started anew."))}`
          : ""}
        ${this.field("shares", { label: t("Weight (shares)"), min: "2", help: t("Among what stands beside it: 2 to 10000. Empty: hpm plans it by the goals of the servers in it, while it manages CPU."), paths: ["cpu.shares"], lacking: whyLacking(lacking, "cpu.shares") })}
        ${this.field("cap", { label: t("Cap (CPUs)"), min: "0.01", step: "any", help: t("What all in it never exceed together. Empty: none."), paths: ["quota-us"], lacking: whyLacking(lacking, "cpu.quota-us") })}
        ${kept ? this.field("reserve", { label: t("Reserve (CPUs)"), min: "0.01", step: "any", help: t("What all in it are entitled to together, whatever the goals say. Empty: none.") }) : ""}
        ${this.field("memory", { label: t("Hard limit of memory (MiB)"), min: "1", help: t("What all in it never take more than together. Where they need more, the kernel ends some. Empty: none."), paths: ["hard-limit-mib"], lacking: whyLacking(lacking, "memory.hard-limit-mib") })}
        <p class="help">${t("All other parameters are set on its page.")}</p>
      </div>`,
    );
  }

  private kind(value: Form["kind"], label: string, help: string) {
    return html`<label class="choice">
      <input type="radio" name="kind" value=${value} .checked=${this.form.kind === value} @change=${() => this.type({ kind: value })} />
      <span>${label}<br /><span class="help">${help}</span></span>
    </label>`;
  }

  protected async send(): Promise<string | null> {
    const { form } = this;
    this.named = true;
    const wrong = wrongName(form.name, form.above, this.taken);
    if (wrong) return wrong;
    const [shares, cap, memory] = [numberIn(form.shares), numberIn(form.cap), numberIn(form.memory)];
    const kept = form.kind !== "transient";
    const parameters = {
      ...(shares === null && cap === null
        ? {}
        : { cpu: { ...(shares === null ? {} : { shares }), ...(cap === null ? {} : { "quota-us": Math.round(cap * USUAL_PERIOD) }) } }),
      ...(memory === null ? {} : { memory: { "hard-limit-mib": memory } }),
    };
    const { content } = await app.client.post<Partition>(PARTITIONS, {
      path: this.path,
      persistent: kept,
      create: form.kind !== "later",
      ...(kept ? { description: form.description, autostart: form.autostart, reserve: numberIn(form.reserve) } : {}),
      parameters,
    });
    tell(form.kind === "later" ? t("{path} is defined.", { path: content.path }) : t("{path} is created.", { path: content.path }));
    this.emit<Partition>("saved", content);
    return null;
  }
}

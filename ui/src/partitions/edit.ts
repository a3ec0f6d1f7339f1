/** The dialog for what is said of a partition that is defined: description, autostart, reserve. Dispatches `saved`. */

import { ApiError } from "../api/client";
import type { Partition } from "../api/types";
import { app } from "../base/app";
import { customElement, html, state } from "../base/element";
import { cpus } from "../base/format";
import { tellUndo } from "../base/notices";
import { t } from "../base/texts";
import { partitionPath } from "./data";
import { numberIn, PartitionDialog, textOf } from "./dialog";

interface Form {
  description: string;
  autostart: boolean;
  reserve: string;
}

const formOf = (one: Partition): Form => ({ description: one.description, autostart: one.autostart, reserve: textOf(one.reserve) });

@customElement("hpm-partition-edit")
export class PartitionEditDialog extends PartitionDialog<Form> {
  @state() private of!: Partition;
  private etag: string | null = null;
  @state() private overtaken = false;

  protected get keptAs(): string {
    return `partition-edit-${this.of["object-id"]}`;
  }

  /** Opens it on what is there now. Raises `ApiError`. */
  async open(id: string): Promise<void> {
    await this.read(id);
    this.overtaken = false;
    this.begin(formOf(this.of));
  }

  private async read(id: string): Promise<void> {
    const { content, etag } = await app.client.get<Partition>(partitionPath(id));
    this.of = content;
    this.etag = etag;
  }

  protected content() {
    const { of } = this;
    const values = { path: of.path, n: cpus(of.reserved) };
    return this.frame(
      t("Change {path}", values),
      this.overtaken ? t("Save nevertheless") : t("Save"),
      html`<div class="stack">
        ${this.field("description", { label: t("Description"), type: "text", autofocus: true, help: t("What it is for.") })}
        ${this.field("reserve", {
          label: t("Reserve (CPUs)"),
          min: "0.01",
          step: "any",
          help: `${t("What all in it are entitled to together, whatever the goals say. Empty: none.")} ${t("What is in it is entitled to {n} CPUs now.", values)}`,
        })}
        ${this.check("autostart", t("Create it again whenever hpm starts"), t("Such as after the host was started anew."))}
      </div>`,
    );
  }

  protected async send(): Promise<string | null> {
    const before = this.of;
    const id = before["object-id"];
    const wanted = (form: Form) => ({ description: form.description, autostart: form.autostart, reserve: numberIn(form.reserve) });
    try {
      const { content, etag } = await app.client.post<Partition>(partitionPath(id), wanted(this.form), { etag: this.etag });
      this.emit<Partition>("saved", content);
      tellUndo(t("{path} is changed.", { path: before.path }), async () => {
        const back = await app.client.post<Partition>(partitionPath(id), wanted(formOf(before)), { etag });
        this.emit<Partition>("saved", back.content);
      });
      return null;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412) throw error;
      // figures are part of it, too: only where what can be typed here is another is there anything to ask
      await this.read(id);
      if (JSON.stringify(formOf(before)) === JSON.stringify(formOf(this.of))) return this.send();
      this.overtaken = true;
      return t("Somebody else changed {name} meanwhile. Look at what is there now, and save again if it is to be as you say.", { name: before.path });
    }
  }
}

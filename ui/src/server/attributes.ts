/** The dialog for what an administrator says of a virtual server, so that rules can compare it. */

import type { Server, ServerUpdate } from "../api/types";
import { app } from "../base/app";
import { customElement, html } from "../base/element";
import { NONE } from "../base/format";
import { later, t } from "../base/texts";
import { ServerDialog } from "./dialog";

const LABELS = {
  title: later("Title"),
  hostname: later("Host name"),
  "os-type": later("Type of the operating system"),
  "os-name": later("Name of the operating system"),
  "os-level": later("Level of the operating system"),
  metadata: later("Metadata"),
} as const;
type Attribute = keyof typeof LABELS;
const ATTRIBUTES = Object.keys(LABELS) as Attribute[];

interface Exported {
  "virtual-servers"?: { uuid: string; attributes?: Record<string, string> }[];
}

@customElement("hpm-server-attributes")
export class ServerAttributes extends ServerDialog<Record<string, string>> {
  private begun: Record<string, string> = {};

  protected async begin(server: Server) {
    // the server shows what holds; what an administrator said of it stands in the file of its group
    const group = app.client.path(server["workload-resource-group"]);
    const file = await app.client.get<Exported>(`${group}/export?format=json`);
    const own = file.content["virtual-servers"]?.find((one) => one.uuid === server["object-id"]);
    this.begun = own?.attributes ?? {};
    return { ...this.begun };
  }

  protected wanted(): ServerUpdate {
    const attributes = Object.fromEntries(Object.entries(this.form).filter(([, value]) => value !== ""));
    return { attributes, move: false, release: false };
  }

  protected override back(): ServerUpdate {
    return { attributes: this.begun, move: false, release: false };
  }

  protected content() {
    const shown = (name: string) => {
      const value = this.server?.attributes[name];
      return Array.isArray(value) ? value.join(", ") : (value ?? NONE);
    };
    return this.frame(
      t("Attributes of {name}", { name: this.server?.name ?? "" }),
      t("Save"),
      html`<div class="stack">
        <p class="dim">${t("Classification rules compare these. What you leave empty is what hpm finds out itself.")}</p>
        ${ATTRIBUTES.map(
          (name, at) =>
            html`<div class="field">
              <label for=${name}>${t(LABELS[name])}</label>
              <input
                id=${name}
                ?autofocus=${at === 0}
                .value=${this.form[name] ?? ""}
                placeholder=${this.form[name] ? "" : shown(name)}
                aria-invalid=${this.isWrong(`attributes.${name}`)}
                @input=${(event: Event) => this.type({ [name]: (event.target as HTMLInputElement).value })}
              />
              ${this.nowText(shown(name))} ${this.wrong(`attributes.${name}`)}
            </div>`,
        )}
      </div>`,
    );
  }
}

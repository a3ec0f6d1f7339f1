/** Limits of disks, a disk a block. Dispatches `disks` with the new ones; null: they are not said. */

import type { DiskLimits } from "../api/types";
import { css, customElement, html, HpmElement, nothing, property } from "../base/element";
import { t } from "../base/texts";
import { wrongBelow, type Wrong } from "../policies/rule";
import { numberIn, textOf } from "./number";
import { LIMITS } from "./words";

type Disks = Record<string, DiskLimits>;

@customElement("hpm-disk-limits")
export class DiskLimitsPart extends HpmElement {
  @property({ attribute: false }) disks: Disks | null = null;
  @property({ attribute: false }) wrong: Wrong | null = null;
  @property({ type: Boolean }) readonly = false;
  @property() otherwise = "";

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 8px;
        min-width: 0;
      }
      fieldset {
        padding: 8px;
        border: 1px solid var(--line);
        border-radius: var(--radius);
      }
      .limits {
        display: grid;
        gap: 8px;
        grid-template-columns: repeat(auto-fill, minmax(min(10rem, 100%), 1fr));
        margin-top: 8px;
      }
      .field {
        align-content: start;
        min-width: 0;
        overflow-wrap: anywhere;
      }
      .disk {
        width: 8rem;
      }
    `,
  ];

  override render() {
    const all = Object.entries(this.disks ?? {});
    return html`${all.length === 0 ? html`<p class="dim">${this.otherwise}</p>` : nothing}
      ${all.map(([disk, limits], at) => this.disk(disk, limits, at))}
      ${this.wrong ? html`<span class="wrong" id="disks-wrong">${this.wrong.text}</span>` : nothing}
      ${this.readonly ? nothing : html`<div><button type="button" @click=${this.add}>${t("Limit a disk")}</button></div>`}`;
  }

  private disk(disk: string, limits: DiskLimits, at: number) {
    const wrong = wrongBelow(this.wrong, disk);
    return html`<fieldset>
      <legend class="hidden-text">${t("Limits of {disk}", { disk })}</legend>
      <div class="row">
        <label for="disk-${at}">${t("Disk")}</label>
        <input
          id="disk-${at}"
          class="disk"
          autocomplete="off"
          spellcheck="false"
          .value=${disk}
          ?readonly=${this.readonly}
          aria-describedby="disk-${at}-help"
          @change=${(event: Event) => this.rename(disk, (event.target as HTMLInputElement).value.trim())}
        />
        <span class="help" id="disk-${at}-help">${t("Such as vda; * is every other disk.")}</span>
        ${this.readonly ? nothing : html`<button class="plain" type="button" @click=${() => this.change(disk, null)}>${t("Remove")}</button>`}
      </div>
      <div class="limits">
        ${LIMITS.map(
          ([name, label]) => html`<div class="field">
            <label for="${name}-${at}">${t(label)}</label>
            <input
              id="${name}-${at}"
              inputmode="numeric"
              autocomplete="off"
              .value=${textOf(limits[name] || null)}
              ?readonly=${this.readonly}
              aria-invalid=${wrongBelow(wrong, name) !== null}
              aria-describedby=${wrong ? "disks-wrong" : nothing}
              @change=${(event: Event) => this.limit(disk, name, event)}
            />
          </div>`,
        )}
      </div>
      <p class="help">${t("Empty: no limit.")}</p>
    </fieldset>`;
  }

  private limit(disk: string, name: keyof DiskLimits, event: Event): void {
    const { [name]: _, ...others } = this.disks![disk]!;
    const value = numberIn(event);
    this.change(disk, value === null ? others : { ...others, [name]: value });
  }

  private rename(from: string, to: string): void {
    if (from === to || (this.disks && to in this.disks)) return this.requestUpdate();
    this.tell(Object.fromEntries(Object.entries(this.disks!).map(([disk, limits]) => [disk === from ? to : disk, limits])));
  }

  private change(disk: string, limits: DiskLimits | null): void {
    const { [disk]: _, ...others } = this.disks ?? {};
    if (limits) this.tell(Object.fromEntries(Object.entries(this.disks ?? {}).map(([name, old]) => [name, name === disk ? limits : old])));
    else this.tell(Object.keys(others).length > 0 ? others : null);
  }

  private readonly add = (): void => {
    const taken = this.disks ?? {};
    const name = ["vda", "*", ..."bcdefghijklmnopqrstuvwxyz"].map((one) => (one.length > 1 || one === "*" ? one : `vd${one}`)).find((one) => !(one in taken));
    if (name) this.tell({ ...taken, [name]: {} });
  };

  private tell(disks: Disks | null): void {
    this.emit("disks", disks);
  }
}

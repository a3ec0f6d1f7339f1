/**
 * Servers in a group and servers that could be: two lists, with a search over both. A click, Enter or dragging takes a
 * server to the other list; arrows move within one. Dispatches `pick` (a `Picked`).
 *
 * One that is in another group than `default` is taken from there only if that is ticked.
 */

import { css, customElement, html, HpmElement, nothing, property, repeat, state, type PropertyValues } from "../base/element";
import { fixed, list } from "../base/format";
import { plural, t } from "../base/texts";
import { byName, DEFAULT, type Member } from "./data";
import { drag, dropped, takes } from "./moving";

const MOST = 150; // rows of a list; more are found by searching

export interface Picked {
  servers: readonly string[];
  move: boolean;
}

@customElement("hpm-server-picker")
export class ServerPickerPart extends HpmElement {
  /** All servers of the host, and where they are now. */
  @property({ attribute: false }) all: readonly Member[] = [];
  /** Names of groups by their ids. */
  @property({ attribute: false }) groups: ReadonlyMap<string, string> = new Map();
  /** The id of the group that is edited; "": a new one. */
  @property() group = "";
  @property({ attribute: false }) servers: readonly string[] = [];
  /** Whether servers may be taken from other groups. */
  @property({ type: Boolean }) move = false;
  /** What is wrong with it. */
  @property() reason = "";
  @state() private search = "";
  @state() private over = "";
  private at = { in: 0, out: 0 };
  private sorted: readonly Member[] = [];

  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: grid;
        gap: 8px;
        grid-template-columns: minmax(0, 1fr);
      }
      .lists {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr));
        gap: 12px;
      }
      section {
        display: grid;
        grid-template: auto 15rem / minmax(0, 1fr);
        border: 1px solid var(--line);
        border-radius: var(--radius);
        min-width: 0;
      }
      section.over {
        outline: 2px dashed var(--accent);
        outline-offset: -2px;
      }
      .spread {
        flex-wrap: nowrap;
        padding: 4px 8px;
        min-height: 40px;
        border-bottom: 1px solid var(--line);
      }
      ul {
        overflow: auto;
      }
      li button {
        width: 100%;
        border: none;
        border-radius: 0;
        background: none;
        justify-content: space-between;
        min-height: 28px;
        padding: 2px 8px;
      }
      li button:hover {
        background: var(--soft);
      }
      li button:focus-visible {
        outline-offset: -2px;
      }
      li span {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      li span:first-child {
        flex: 1;
        text-align: start;
      }
      .sign {
        color: var(--accent);
        font-weight: 600;
        flex: none;
      }
      .note {
        padding: 8px;
      }
      input[type="search"] {
        width: min(20rem, 100%);
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("all")) this.sorted = [...this.all].sort((one, other) => byName(one.name, other.name));
  }

  /** Moves the focus to the search. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("input")?.focus();
  }

  override render() {
    const chosen = new Set(this.servers);
    const words = this.search.toLocaleLowerCase().split(/\s+/);
    const found = this.sorted.filter((one) => {
      const text = `${one.name} ${this.groupName(one)}`.toLocaleLowerCase();
      return words.every((word) => text.includes(word));
    });
    const taken = takenFrom(this.all, this.servers, this.group);
    return html`<div class="field">
        <label for="search">${t("Search servers")}</label>
        <input id="search" type="search" placeholder=${t("Name, or group")} .value=${this.search} @input=${this.searched} @keydown=${this.entered} />
      </div>
      <div class="lists">
        ${this.half("in", t("In this group"), found.filter((one) => chosen.has(one.id)), this.servers.length)}
        ${this.half("out", t("Available"), found.filter((one) => !chosen.has(one.id)), this.all.length - this.servers.length)}
      </div>
      ${taken.length > 0
        ? html`<label class="choice">
            <input type="checkbox" .checked=${this.move} aria-invalid=${Boolean(this.reason)} @change=${this.ticked} />
            <span>
              ${plural("Take {n} server from another group: {groups}.", "Take {n} servers from other groups: {groups}.", taken.length, {
                groups: list([...new Set(taken.map((one) => this.groupName(one)))]),
              })}
            </span>
          </label>`
        : nothing}
      ${this.reason ? html`<p class="wrong">${this.reason}</p>` : nothing}`;
  }

  private half(side: "in" | "out", label: string, found: readonly Member[], count: number) {
    const seen = found.slice(0, MOST);
    this.at[side] = Math.max(0, Math.min(this.at[side], seen.length - 1));
    const n = found.length;
    const all = this.search.trim()
      ? side === "in" ? plural("Take {n} out", "Take {n} out", n) : plural("Add {n}", "Add {n}", n)
      : side === "in" ? t("Take all out") : t("Add all");
    return html`<section
      class=${this.over === side ? "over" : ""}
      @dragover=${(event: DragEvent) => takes(event) && (this.over = side)}
      @dragleave=${() => (this.over = "")}
      @drop=${(event: DragEvent) => this.drop(event, side)}
    >
      <div class="spread">
        <h3 id=${side}>${label} <span class="dim">(${found.length === count ? fixed(count) : t("{n} of {all}", { n: fixed(found.length), all: fixed(count) })})</span></h3>
        ${found.length > 0 && (found.length > 1 || count > 1)
          ? html`<button class="plain" type="button" @click=${() => this.change(found, side === "out")}>
              ${all}
            </button>`
          : nothing}
      </div>
      <ul class="plain-list" aria-labelledby=${side} @keydown=${(event: KeyboardEvent) => this.typed(event, side)}>
        ${repeat(
          seen,
          (one) => one.id,
          (one, at) => this.item(one, side, at),
        )}
        ${found.length > seen.length
          ? html`<li class="note help">${plural("{n} more: search for it.", "{n} more: search for them.", found.length - seen.length)}</li>`
          : nothing}
        ${found.length === 0
          ? html`<li class="note help">${count > 0 && this.search ? t("None is found.") : side === "in" ? t("None yet: choose from the available ones.") : t("None.")}</li>`
          : nothing}
      </ul>
    </section>`;
  }

  private item(one: Member, side: "in" | "out", at: number) {
    const elsewhere = one.group !== DEFAULT && one.group !== this.group;
    const values = { group: this.groupName(one) };
    const where = !elsewhere ? "" : side === "in" ? t("from {group}", values) : t("in {group}", values);
    const what = where ? `${one.name} ${where}` : one.name;
    return html`<li>
      <button
        type="button"
        draggable="true"
        tabindex=${at === this.at[side] ? 0 : -1}
        aria-label=${side === "in" ? t("Take out: {what}", { what }) : t("Add: {what}", { what })}
        @focus=${() => (this.at[side] = at)}
        @click=${() => this.press(one, side)}
        @dragstart=${(event: DragEvent) => drag(event, [one])}
      >
        <span>${one.name}</span>
        ${where ? html`<span class="help">${where}</span>` : nothing}
        <span class="sign" aria-hidden="true">${side === "in" ? "−" : "+"}</span>
      </button>
    </li>`;
  }

  private groupName(one: Member): string {
    return this.groups.get(one.group) ?? one.group;
  }

  private readonly searched = (event: InputEvent): void => {
    this.search = (event.target as HTMLInputElement).value;
    this.at = { in: 0, out: 0 };
  };

  /** Enter adds the only one that is found; it does not send the form, as it does in other fields. */
  private readonly entered = (event: KeyboardEvent): void => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const found = this.renderRoot.querySelectorAll<HTMLElement>("ul[aria-labelledby=out] button");
    if (this.search.trim() && found.length === 1) found[0]!.click();
    this.focus();
  };

  private readonly ticked = (event: Event): void => {
    this.move = (event.target as HTMLInputElement).checked;
    this.tell();
  };

  /** Takes one to the other list; the focus stays at its place in this one. */
  private press(one: Member, side: "in" | "out"): void {
    this.change([one], side === "out");
    void this.updateComplete.then(() => this.focusItem(side));
  }

  private drop(event: DragEvent, side: "in" | "out"): void {
    this.over = "";
    this.change(dropped(event), side === "in");
  }

  private change(servers: readonly Member[], into: boolean): void {
    const ids = servers.map((one) => one.id);
    const gone = new Set(ids);
    const kept = this.servers.filter((id) => !gone.has(id));
    this.servers = into ? [...kept, ...ids] : kept;
    this.tell();
  }

  private typed(event: KeyboardEvent, side: "in" | "out"): void {
    const moves: Record<string, number> = {
      ArrowDown: this.at[side] + 1,
      ArrowUp: this.at[side] - 1,
      Home: 0,
      End: MOST,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.at[side] = Math.max(0, moves[event.key]!);
    this.requestUpdate();
    void this.updateComplete.then(() => this.focusItem(side));
  }

  private focusItem(side: "in" | "out"): void {
    this.renderRoot.querySelector<HTMLElement>(`ul[aria-labelledby=${side}] button[tabindex="0"]`)?.focus();
  }

  private tell(): void {
    this.emit<Picked>("pick", { servers: this.servers, move: this.move });
  }
}

/** Those of the servers that are in another group than `default` and this one. */
export function takenFrom(all: readonly Member[], servers: readonly string[], group: string): Member[] {
  const chosen = new Set(servers);
  return all.filter((one) => chosen.has(one.id) && one.group !== DEFAULT && one.group !== group);
}

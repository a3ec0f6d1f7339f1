/** What every page is: it shows a place, and keeps in the URL how it is looked at. */

import { app } from "./app";
import { css, HpmElement, property } from "./element";
import { place, type Place } from "./place";

export class PageElement extends HpmElement {
  /** Where the user is; the shell sets it anew whenever the URL changes. */
  @property({ attribute: false }) place: Place = place("");

  /** Whether what an id names is a part of the page, which stays where it is when another one is named. */
  readonly whole: boolean = false;

  /** While figures are old (`hpm-head` sees to that), nothing has a colour that would call for something. */
  static override styles = [
    HpmElement.styles,
    css`
      :host {
        display: block;
      }
      :host([stale]) > :not(hpm-head, hpm-dialog) {
        filter: grayscale(1);
      }
    `,
  ];

  constructor() {
    super();
    // A page that has been read may have another heading than before: the focus goes on to it, and is not lost.
    let onHeading = false;
    this.addController({
      hostUpdate: () => (onHeading = this.shadowRoot?.activeElement?.localName === "hpm-head"),
      hostUpdated: () => {
        if (onHeading && !this.shadowRoot?.activeElement) this.focus();
      },
    });
  }

  /** A word of the URL's query; "" where it is not there. */
  protected asked(name: string): string {
    return this.place.query.get(name) ?? "";
  }

  /** Changes words of the URL's query; "" takes one away. `how`: whether the back button comes back to now. */
  protected ask(words: Record<string, string>, how: "push" | "replace" = "replace"): void {
    const query = new URLSearchParams(this.place.query);
    for (const [name, value] of Object.entries(words)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    app.places.go({ ...this.place, query }, how);
  }

  /** Goes to another place. */
  protected go(page: string, id = "", query: Record<string, string> = {}): void {
    app.places.go(place(page, id, query));
  }

  /** Says what the thing is called that the page is about, for the window's title. */
  protected named(name: string): void {
    this.emit("named", name);
  }

  /** Moves the focus to the field in which the page is searched; the key `/` does it. */
  focusSearch(): void {
    this.renderRoot.querySelector<HTMLElement>("[type=search], hpm-table")?.focus();
  }

  /** Moves the focus to what the page is about, when it has come to be shown. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("hpm-head")?.focus();
  }
}

/** The URL of a page, for links. */
export function link(page: string, id = "", query: Record<string, string> = {}): string {
  return app.places.href(place(page, id, query));
}

/** What every page is: it shows a place, and keeps in the URL how it is looked at. */

import { app } from "./app";
import { HpmElement, property } from "./element";
import { place, type Place } from "./place";

export class PageElement extends HpmElement {
  /** Where the user is; the shell sets it anew whenever the URL changes. */
  @property({ attribute: false }) place: Place = place("");

  /** Whether what an id names is a part of the page, which stays where it is when another one is named. */
  readonly whole: boolean = false;

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

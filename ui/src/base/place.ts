/** Where the user is: a page, perhaps one thing on it, and how it is looked at. All of it stands in the URL. */

export interface Place {
  page: string; // "overview", "servers", …
  id: string; // of the thing that the page is about; "": of none
  query: URLSearchParams; // range of time, filter, order, selection
}

/** How places are written as URLs, and which one is shown. */
export interface Places {
  read(): Place;
  href(place: Place): string;
  go(place: Place, how?: "push" | "replace"): void;
  listen(changed: () => void): () => void;
}

export function place(page: string, id = "", query: Record<string, string> | URLSearchParams = {}): Place {
  return { page, id, query: new URLSearchParams(query) };
}

function written({ page, id, query }: Place): string {
  const path = id ? `/${page}/${encodeURIComponent(id)}` : `/${page}`;
  const asked = query.toString();
  return asked ? `${path}?${asked}` : path;
}

function parsed(text: string, otherwise: string): Place {
  const [path = "", ...asked] = text.split("?");
  const [, page = "", id = ""] = path.split("/");
  let name = id;
  try {
    name = decodeURIComponent(id);
  } catch {
    // typed by hand; it names nothing that there is
  }
  return { page: page || otherwise, id: name, query: new URLSearchParams(asked.join("?")) };
}

/** On our own pages: all behind the `#`. */
export class OwnPlaces implements Places {
  private readonly changed = new EventTarget();

  read(): Place {
    return parsed(location.hash.slice(1), "overview");
  }

  href(to: Place): string {
    return `#${written(to)}`;
  }

  go(to: Place, how: "push" | "replace" = "push"): void {
    if (how === "push") history.pushState(null, "", this.href(to));
    else history.replaceState(null, "", this.href(to));
    this.changed.dispatchEvent(new Event("change"));
  }

  listen(changed: () => void): () => void {
    this.changed.addEventListener("change", changed);
    addEventListener("popstate", changed);
    return () => {
      this.changed.removeEventListener("change", changed);
      removeEventListener("popstate", changed);
    };
  }
}

/**
 * In Wok: what is behind the `#` is the tab, which Wok reads, and ends where Wok's own address ends. The place within
 * it stands in the query `hpm` before that, which nobody else reads.
 */
export class WokPlaces implements Places {
  private readonly changed = new EventTarget();

  /** `tab`: the page that the tab shown by Wok begins with. `tabs`: Wok's address of the tab of each page. */
  constructor(
    private readonly tab: string,
    private readonly tabs: Readonly<Record<string, string>>,
  ) {
    this.tidy();
  }

  read(): Place {
    const here = parsed(said(location) ?? "", this.tab);
    return this.tabs[here.page] === this.tabs[this.tab] ? here : place(this.tab);
  }

  href(to: Place): string {
    const query = new URLSearchParams(location.search);
    query.set("hpm", written(to));
    return address(query, this.tabs[to.page] ?? "");
  }

  go(to: Place, how: "push" | "replace" = "push"): void {
    if (how === "push") history.pushState(null, "", this.href(to));
    else history.replaceState(null, "", this.href(to));
    // Wok looks at the hash when the browser says that it changed, which it does not after pushState
    if (this.shown()) this.changed.dispatchEvent(new Event("change"));
    else dispatchEvent(new HashChangeEvent("hashchange"));
  }

  listen(changed: () => void): () => void {
    const over = new AbortController();
    const { signal } = over;
    this.changed.addEventListener("change", changed, { signal });
    // back in another tab, Wok takes this one away
    addEventListener("popstate", () => this.shown() && changed(), { signal });
    addEventListener("hashchange", () => this.tidy(), { signal });
    document.addEventListener("click", (event) => this.clicked(event), { signal });
    return () => over.abort();
  }

  /** Whether Wok's address still is that of the tab that we stand in. */
  private shown(): boolean {
    return location.hash === `#${this.tabs[this.tab]}`;
  }

  /** Wok leaves the query as it is when the user chooses a tab: a place in it that is in another tab is over. */
  private tidy(): void {
    const at = said(location);
    if (at === null || `#${this.tabs[parsed(at, "").page]}` === location.hash) return;
    const query = new URLSearchParams(location.search);
    query.delete("hpm");
    history.replaceState(null, "", address(query, location.hash.slice(1)));
  }

  private clicked(event: MouseEvent): void {
    const link = event.composedPath().find((one): one is HTMLAnchorElement => one instanceof HTMLAnchorElement);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const to = said(link);
    if (link.getAttribute("href") === `${this.tabs[this.tab]}.html`) {
      // Wok's own link to the tab that is shown: Wok does nothing, and the user wants to be where the tab begins
      if (this.shown() && said(location) !== null) this.go(place(this.tab));
    } else if (to !== null && link.pathname === location.pathname && !link.target && !event.defaultPrevented) {
      // without us the browser would load the whole of Wok's page again, because the query differs
      event.preventDefault();
      this.go(parsed(to, this.tab));
    }
  }
}

/** The place that an address of Wok's says; null: none. */
function said(at: { search: string }): string | null {
  return new URLSearchParams(at.search).get("hpm");
}

function address(query: URLSearchParams, tab: string): string {
  return `${location.pathname}${query.size ? `?${query}` : ""}#${tab}`;
}

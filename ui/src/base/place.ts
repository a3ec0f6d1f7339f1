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
  ) {}

  read(): Place {
    const here = parsed(new URLSearchParams(location.search).get("hpm") ?? "", this.tab);
    return this.tabOf(here.page) === this.tabOf(this.tab) ? here : place(this.tab);
  }

  href(to: Place): string {
    const query = new URLSearchParams(location.search);
    query.set("hpm", written(to));
    return `${location.pathname}?${query}#${this.tabOf(to.page)}`;
  }

  go(to: Place, how: "push" | "replace" = "push"): void {
    const other = this.tabOf(to.page) !== this.tabOf(this.tab);
    if (how === "push") history.pushState(null, "", this.href(to));
    else history.replaceState(null, "", this.href(to));
    // Wok looks at the hash when the browser says that it changed, which it does not after pushState
    if (other) dispatchEvent(new HashChangeEvent("hashchange"));
    else this.changed.dispatchEvent(new Event("change"));
  }

  listen(changed: () => void): () => void {
    this.changed.addEventListener("change", changed);
    addEventListener("popstate", changed);
    return () => {
      this.changed.removeEventListener("change", changed);
      removeEventListener("popstate", changed);
    };
  }

  private tabOf(page: string): string {
    return this.tabs[page] ?? this.tabs[this.tab] ?? "";
  }
}

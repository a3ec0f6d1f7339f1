/** That hpm itself has too much to do, where that is so. */

import type { Version } from "../api/types";
import { html, nothing } from "../base/element";
import { t } from "../base/texts";

/** What is done less than usually, and why; nothing where all is done. */
export function overload(version: Version) {
  const what = version["work-cut"];
  return what === null ? nothing : html`<p class="wrong">${t("hpm does less than usual, because its cycles take too long: {what}.", { what })}</p>`;
}

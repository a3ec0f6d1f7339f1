/** The steps of a save, and how far it has come; nothing where it is one step, or has not begun. */

import { html, nothing } from "../base/element";
import { t } from "../base/texts";
import type { Step } from "./saving";

export function stepList(steps: readonly Step[]) {
  if (steps.length < 2) return nothing;
  const word = { waits: t("to do"), runs: t("working…"), done: t("done"), failed: t("not done") };
  const sign = { waits: "◌", runs: "…", done: "✓", failed: "▲" };
  return html`<ol class="plain-list" role="status">
    ${steps.map(
      (one) => html`<li>
        <span aria-hidden="true">${sign[one.state]}</span> ${t("{step}: {state}", { step: one.text, state: word[one.state] })}
      </li>`,
    )}
  </ol>`;
}

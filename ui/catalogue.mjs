// A gettext catalogue (.po) as the browser needs it.

import gettextParser from "gettext-parser";

/**
 * `{plurals, texts}`: by message id a text, or a list of its plural forms; `plurals` says which form a number takes.
 * Texts that are not translated, or marked fuzzy, are left out: the English ones stand in their place.
 */
export function catalogue(po) {
  const parsed = gettextParser.po.parse(po);
  const texts = {};
  for (const entries of Object.values(parsed.translations)) {
    for (const { msgid, msgid_plural, msgstr, comments } of Object.values(entries)) {
      if (!msgid || /\bfuzzy\b/.test(comments?.flag ?? "") || !msgstr.every(Boolean)) continue;
      texts[msgid] = msgid_plural ? msgstr : msgstr[0];
    }
  }
  return { plurals: forms(parsed.headers["Plural-Forms"] ?? "nplurals=2; plural=(n != 1);"), texts };
}

/** The form of each number from 0 to 199, of which all greater ones are like one by their last two digits. */
function forms(header) {
  const expression = /plural=([^;]+)/.exec(header)?.[1] ?? "n != 1";
  if (!/^[n0-9\s()?:!=<>&|%]+$/.test(expression)) throw new Error(`not a plural form: ${header}`);
  const form = new Function("n", `return Number(${expression})`);
  return Array.from({ length: 200 }, (_, n) => form(n)).join("");
}

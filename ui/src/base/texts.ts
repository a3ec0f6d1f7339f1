/** Texts in the user's language: gettext's manner, with the English text as its id. */

interface Catalogue {
  plurals: string; // the form of each number from 0 to 199, one digit each
  texts: Record<string, string | string[]>;
}

const ENGLISH: Catalogue = { plurals: "", texts: {} };

/** Languages that there is a catalogue for; its file is `lang/NAME.json` beside the script. */
export const LANGUAGES: Record<string, string> = {
  en: "English", de: "Deutsch", es: "Español", fr: "Français", it: "Italiano", ja: "日本語", ko: "한국어",
  pt_BR: "Português (Brasil)", ru: "Русский", zh_CN: "简体中文", zh_TW: "繁體中文",
};

/** Where Chinese is written in traditional characters, or said to be. */
const TRADITIONAL = /^zh_(Hant|TW|HK|MO)\b/i;

let catalogue = ENGLISH;
let language = "en";

type Values = Record<string, string | number>;

/** The text in the user's language, with values put in for `{name}`. */
export function t(text: string, values?: Values): string {
  const found = catalogue.texts[text];
  return filled(typeof found === "string" ? found : text, values);
}

/** The same where it depends on a number, which is put in for `{n}` as the user's language writes numbers. */
export function plural(one: string, many: string, n: number, values?: Values): string {
  const found = catalogue.texts[one];
  let text = n === 1 ? one : many;
  if (Array.isArray(found)) text = found[Number(catalogue.plurals[n < 100 ? n : 100 + (n % 100)] ?? 0)] ?? text;
  return filled(text, { n: n.toLocaleString(locale()), ...values });
}

/** A text that is looked up later, where it is shown; it is found here by the extraction of texts. */
export const later = (text: string): string => text;

/** The language of the texts, as BCP 47 has it: numbers and times are written as it does. */
export function locale(): string {
  const own = navigator.languages.find((one) => one.split("-")[0] === language.split("_")[0] && chosen([one]) === language);
  return own ?? language.replace("_", "-");
}

/** The first language of these that there is a catalogue for, or English. */
export function chosen(wanted: readonly string[]): string {
  for (const one of wanted) {
    const name = TRADITIONAL.test(one.replace("-", "_")) ? "zh_TW" : one.replace("-", "_");
    const found = Object.keys(LANGUAGES).find((known) => known === name)
      ?? Object.keys(LANGUAGES).find((known) => known.split("_")[0] === name.split("_")[0]);
    if (found) return found;
  }
  return "en";
}

/** Speak the language from now on; English stays where its catalogue cannot be read. */
export async function speak(name: string): Promise<void> {
  let read = ENGLISH;
  if (name !== "en") {
    try {
      const answer = await fetch(new URL(`lang/${name}.json`, import.meta.url));
      if (answer.ok) read = (await answer.json()) as Catalogue;
    } catch {
      // the pages are worth more than their language
    }
  }
  catalogue = read;
  language = read === ENGLISH ? "en" : name;
}

function filled(text: string, values: Values | undefined): string {
  return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all)) : text;
}

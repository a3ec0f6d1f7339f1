/** The words of MOM's policy language, to colour them; what they mean, only hpm itself says (docs/mom-language.md). */

/** `word`: one that the language has. `thing`: the host, or the guests. `odd`: nothing of the language. */
export type Kind = "blank" | "comment" | "text" | "number" | "word" | "thing" | "name" | "operator" | "bracket" | "odd";

export interface Token {
  kind: Kind;
  text: string;
}

const WORDS: ReadonlySet<string> = new Set([
  "abs", "add", "and", "debug", "def", "defun", "defvar", "div", "eq", "gt", "gte", "if", "let", "lt", "lte", "max", "min", "mul", "neq", "nil",
  "not", "null", "or", "set", "setq", "shl", "shr", "sub", "valid", "with",
]);
const THINGS: ReadonlySet<string> = new Set(["Guests", "Host"]);

const FORMS = [
  ["blank", /\s+/],
  ["comment", /#[^\n]*/],
  ["number", /-?[0-9]*\.[0-9]+(?:[Ee][+-]?[0-9]+)?|0[Xx][0-9A-Fa-f]+|0o[0-9]+|-?(?:0(?![0-9oXx])|[1-9][0-9]*)(?:[Ee][+-]?[0-9]+)?/],
  ["text", /'(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*"/],
  ["name", /[A-Za-z_][A-Za-z0-9_.-]*/],
  ["operator", /<<|>>|<=|>=|==|!=|[-+*/<>]/],
  ["bracket", /[()[\]{}]/],
  ["odd", /[^]/u],
] as const;
const TOKEN = new RegExp(FORMS.map(([kind, form]) => `(?<${kind}>${form.source})`).join("|"), "gu");

/** A text in its lines, each in its tokens; a text or a blank that goes over several lines is several tokens. */
export function linesOf(text: string): Token[][] {
  const lines: Token[][] = [[]];
  for (const found of text.matchAll(TOKEN)) {
    const [kind] = Object.entries(found.groups!).find(([, part]) => part !== undefined) as [Kind, string];
    for (const [at, part] of found[0].split("\n").entries()) {
      if (at > 0) lines.push([]);
      if (part) lines.at(-1)!.push({ kind: kindOf(kind, part), text: part });
    }
  }
  return lines;
}

function kindOf(kind: Kind, text: string): Kind {
  if (kind !== "name") return kind;
  if (WORDS.has(text)) return "word";
  return THINGS.has(text.split(".")[0]!) ? "thing" : "name";
}

/** The offset of a place in a text; line and column count from 1, columns in characters as people see them. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const within = [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
  return Math.min(text.length, before + within);
}

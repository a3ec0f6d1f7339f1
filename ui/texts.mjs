// Texts of the pages, for translators: gathers them from the sources, and brings the catalogues in ui/po up to date.
//
//     npm run texts              po/hpm-ui.pot anew; each po/LANGUAGE.po gets what is new, and loses what is unused
//     npm run texts -- --check   changes nothing; says what is missing or unused, and fails then
//
// A text is the first argument of t(), later() and plural() (its first two), which must be written out there.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import gettextParser from "gettext-parser";
import ts from "typescript";

const here = dirname(fileURLToPath(import.meta.url));
const po = join(here, "po");
const template = join(po, "hpm-ui.pot");
const checking = process.argv.includes("--check");
const wrong = [];

/** By message id: its plural, and the files that have it. */
async function gathered() {
  const texts = new Map();
  const names = (await readdir(join(here, "src"), { recursive: true })).filter((name) => name.endsWith(".ts")).sort();
  for (const name of names) {
    const file = join(here, "src", name);
    const source = ts.createSourceFile(file, await readFile(file, "utf8"), ts.ScriptTarget.Latest, true);
    const visit = (node) => {
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) take(node, relative(here, file), texts);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return texts;
}

function take(call, file, texts) {
  const kind = call.expression.text;
  if (!["t", "later", "plural"].includes(kind) || file.endsWith("base/texts.ts")) return;
  const [first, second] = call.arguments;
  if (!first || !ts.isStringLiteralLike(first)) {
    if (kind !== "t") wrong.push(`${file}: ${kind}() takes a text that is written out there`);
    return; // t(WORDS[word]): `later` stands where the words are
  }
  const plural = kind === "plural" ? second?.text : undefined;
  const known = texts.get(first.text);
  if (known && known.plural !== plural) wrong.push(`${file}: ${JSON.stringify(first.text)} is a text with and without a plural`);
  texts.set(first.text, { plural, files: new Set([...(known?.files ?? []), file]) });
}

function entry(msgid, { plural, files }, msgstr, forms) {
  const made = { msgid, msgstr: msgstr ?? Array(plural === undefined ? 1 : forms).fill(""), comments: { reference: [...files].sort().join("\n") } };
  if (plural !== undefined) made.msgid_plural = plural;
  return made;
}

function written(headers, texts, known = {}) {
  const entries = { "": { msgid: "", msgstr: [""] } };
  const forms = Number(/nplurals=(\d+)/.exec(headers["Plural-Forms"])?.[1] ?? 2);
  for (const msgid of [...texts.keys()].sort()) entries[msgid] = entry(msgid, texts.get(msgid), known[msgid]?.msgstr, forms);
  return gettextParser.po.compile({ charset: "utf-8", headers, translations: { "": entries } }, { foldLength: 0 });
}

/** What a translation must have as its text has it: the places that values are put in. */
const places = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join();

function judge(name, texts, known) {
  for (const [msgid, { plural }] of texts) {
    const msgstr = known[msgid]?.msgstr;
    if (!msgstr || !msgstr.every(Boolean)) wrong.push(`po/${name}: not translated: ${JSON.stringify(msgid)}`);
    else if (msgstr.some((one) => places(one) !== places(plural ?? msgid) && places(one) !== places(msgid)))
      wrong.push(`po/${name}: other {places} than in ${JSON.stringify(msgid)}`);
  }
  for (const msgid of Object.keys(known)) if (msgid && !texts.has(msgid)) wrong.push(`po/${name}: unused: ${JSON.stringify(msgid)}`);
}

const texts = await gathered();
const head = { "Project-Id-Version": "hpm", "MIME-Version": "1.0", "Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "8bit" };
const pot = written(head, texts);
if (!checking) await writeFile(template, pot);
else if (!pot.equals(await readFile(template))) wrong.push("po/hpm-ui.pot is not what the sources say: npm run texts");
for (const name of (await readdir(po)).filter((one) => one.endsWith(".po"))) {
  const parsed = gettextParser.po.parse(await readFile(join(po, name)));
  const known = parsed.translations[""] ?? {};
  if (checking) judge(name, texts, known);
  else {
    await writeFile(join(po, name), written(parsed.headers, texts, known));
    const open = [...texts.keys()].filter((msgid) => !known[msgid]?.msgstr.every(Boolean)).length;
    console.log(`po/${name}: ${texts.size - open} of ${texts.size} texts are translated`);
  }
}
for (const one of wrong) console.error(one);
process.exit(wrong.length > 0 ? 1 : 0);

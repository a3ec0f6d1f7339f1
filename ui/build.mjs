// Builds the pages into the Python package, where the wheel packs them and both servers find them:
//
//     src/wok/plugins/hpm/ui/js/hpm.js            all components, for any modern browser
//     src/wok/plugins/hpm/ui/js/wok.js            what loads them in a tab of Wok's
//     src/wok/plugins/hpm/ui/js/lang/LANGUAGE.json    texts of a language, read when they are needed
//     src/wok/plugins/hpm/ui/js/LICENSES.txt      the licences of what others wrote and is built in
//
// `--watch` goes on and builds again when a file changes.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { catalogue } from "./catalogue.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../src/wok/plugins/hpm/ui/js");

async function buildTexts() {
  await mkdir(join(out, "lang"), { recursive: true });
  for (const name of await readdir(join(here, "po"))) {
    if (!name.endsWith(".po")) continue;
    const texts = catalogue(await readFile(join(here, "po", name)));
    await writeFile(join(out, "lang", name.replace(/\.po$/, ".json")), JSON.stringify(texts));
  }
}

const options = {
  absWorkingDir: here,
  entryPoints: { hpm: "src/main.ts", wok: "src/wok.ts" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  loader: { ".css": "text" },
  legalComments: "none", // LICENSES.txt has them whole
  metafile: true,
  logLevel: "warning",
};

// MIT and BSD want their notice with each copy. What is in the build is what esbuild read.
async function writeLicences(metafile) {
  const folders = new Set();
  for (const file of Object.keys(metafile.inputs)) {
    const found = /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file);
    if (found) folders.add(found[0]);
  }
  const texts = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, folder, "package.json"), "utf8"));
    const file = (await readdir(join(here, folder))).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${folder} has no file with its licence`);
    texts.push(`${name} ${version} (${license})\n\n${(await readFile(join(here, folder, file), "utf8")).trim()}\n`);
  }
  await writeFile(join(out, "LICENSES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}

await rm(out, { recursive: true, force: true });
await buildTexts();
if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  await writeLicences((await esbuild.build(options)).metafile);
}

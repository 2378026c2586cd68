// Has GitHub's own toolkit write the annotations that standard input holds as
// JSON, one list of them for each name, and prints what it wrote as JSON.
// Argument: the folder of @actions/core.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const core = await import(pathToFileURL(join(folder, "lib", "core.js")));

const write = process.stdout.write.bind(process.stdout);
let written = "";
process.stdout.write = (text) => {
  written += text;
  return true;
};

const out = {};
for (const [name, annotations] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  written = "";
  for (const { kind, message, properties } of annotations) {
    core[kind](message, properties);
  }
  out[name] = written;
}
write(JSON.stringify(out));

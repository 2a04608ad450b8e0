// Builds the npm package around generated/, where `cargo xtask web` leaves the Wasm and its glue.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const at = (...parts) => join(here, ...parts);
const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));

rmSync(at("dist"), { recursive: true, force: true });
mkdirSync(at("dist"));
copyFileSync(at("generated/selvedge_wasm_bg.wasm"), at("dist/selvedge.wasm"));
const hash = createHash("sha256").update(readFileSync(at("dist/selvedge.wasm"))).digest("hex").slice(0, 8);
const shared = {
  bundle: true,
  // What runs WebAssembly with multiple values and reference types runs this too.
  target: "es2021",
  define: { WASM_HASH: JSON.stringify(hash), VERSION: JSON.stringify(version) },
  logLevel: "warning",
};
await build({ ...shared, entryPoints: [at("src/script.ts")], outfile: at("dist/selvedge.js"), format: "iife", minify: true });
await build({ ...shared, entryPoints: [at("src/index.ts")], outfile: at("dist/index.js"), format: "esm" });
execFileSync(at("node_modules/.bin/tsc"), ["--emitDeclarationOnly", "--declaration", "--outDir", at("generated/types")], { cwd: here, stdio: "inherit" });
for (const types of ["index.d.ts", "api.d.ts"]) copyFileSync(at("generated/types", types), at("dist", types));

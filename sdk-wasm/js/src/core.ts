/** Brings the Wasm core into the page. */

import * as glue from "../generated/selvedge_wasm_bg.js";

/** Of the Wasm that this file was built with: an old one from a cache would not understand us. */
declare const WASM_HASH: string;

/** One input, or the opening, at a moment; back come the effects. */
export type Core = (frame: string, unixMs: number, monotonicMs: number, entropy: Uint8Array) => string;

/** Fails when the network does, and where a content security policy forbids WebAssembly. */
export async function fetchCore(url: string): Promise<Core> {
  const response = await fetch(`${url}?v=${WASM_HASH}`);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  // Not streamed: a server that calls it by another type would fail, and the module is small.
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), { "./selvedge_wasm_bg.js": { ...glue } });
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports["__wbindgen_start"] as () => void)();
  return glue.handle;
}

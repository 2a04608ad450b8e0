/** What wasm-bindgen writes for `sdk-wasm/src/lib.rs`, as far as we call it. */
declare module "*/selvedge_wasm_bg.js" {
  export function handle(frame: string, unixMs: number, monotonicMs: number, entropy: Uint8Array): string;
  export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
}

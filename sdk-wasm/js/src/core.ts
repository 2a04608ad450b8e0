/** Brings the Wasm core into the page. */

/** Of the Wasm that this file was built with: an old one from a cache would not understand us. */
declare const WASM_HASH: string;

/** One input, or the opening, at a moment; back come the effects. */
export type Core = (frame: string, unixMs: number, monotonicMs: number, entropy: Uint8Array) => string;

/** Fails when the network does, and where a content security policy forbids WebAssembly. */
export async function fetchCore(url: string): Promise<Core> {
  const response = await fetch(`${url}?v=${WASM_HASH}`);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  // Not streamed: a server that calls it by another type would fail, and the module is small.
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), {});
  return bind(instance.exports as unknown as Exports);
}

/**
 * Calls `handle` as the glue that wasm-bindgen writes would: what is handed over is copied into the module's memory
 * and freed there, what comes back is ours to free. That glue knows more than one function of one shape needs, and
 * weighs twice as much as all of this file.
 */
function bind({ memory, handle, __wbindgen_malloc: allocate, __wbindgen_free: free }: Exports): Core {
  const put = (bytes: Uint8Array): number => {
    const at = allocate(bytes.length, 1);
    new Uint8Array(memory.buffer).set(bytes, at);
    return at;
  };
  return (frame, unixMs, monotonicMs, entropy) => {
    const text = new TextEncoder().encode(frame);
    const [at, length] = handle(put(text), text.length, unixMs, monotonicMs, put(entropy), entropy.length);
    const effects = new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
    free(at, length, 1);
    return effects;
  };
}

interface Exports {
  memory: WebAssembly.Memory;
  handle(frame: number, length: number, unixMs: number, monotonicMs: number, entropy: number, bytes: number): [at: number, length: number];
  __wbindgen_malloc(bytes: number, alignment: number): number;
  __wbindgen_free(at: number, bytes: number, alignment: number): void;
}

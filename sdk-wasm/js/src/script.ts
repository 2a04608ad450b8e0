/**
 * The script tag's door: reads its settings from the tag, takes over the calls that the page queued
 * before the script was there, and leaves the tracker as `window.selvedge`.
 */

import type { Selvedge } from "./api.js";
import { startTracker, type EarlyCall } from "./tracker.js";

declare global {
  interface Window {
    /** Before the script: an array of calls, which the README's snippet fills. */
    selvedge?: Partial<Selvedge> | EarlyCall[];
  }
}

const tag = document.currentScript;
if (tag instanceof HTMLScriptElement && tag.dataset["writeKey"]) {
  const { writeKey, host, wasmUrl, autoPage, debug } = tag.dataset;
  const queue = window.selvedge;
  const tracker = startTracker(
    {
      writeKey,
      host: host ?? new URL(".", tag.src).href,
      autoPage: autoPage !== "false",
      debug: debug !== undefined && debug !== "false",
      ...(wasmUrl && { wasmUrl }),
    },
    Array.isArray(queue) ? queue.splice(0) : [],
  );
  // The same object as before: a page may have kept a reference to it.
  window.selvedge = Object.assign(queue ?? {}, tracker);
}

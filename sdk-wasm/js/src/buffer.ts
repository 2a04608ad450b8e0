/**
 * Holds calls until the core is ready, stored at once so that they survive a closed tab. The core
 * takes them in by `Adopt`, ours as those of the dead; `sdk-core/src/calls.rs` documents the format.
 */

/** A call as texts: name, properties, context and the older name are JSON, empty when absent. */
export type Call = [type: string, madeUnixMs: string, name: string, properties: string, context: string, previousId: string];

export interface Buffer {
  /** Where the calls are stored. */
  key: string;
  /** False when there is no room: the call is lost, and the caller says so. */
  keep(call: Call): boolean;
}

export function openBuffer(put: (key: string, value: string) => void): Buffer {
  const key = `calls.${[...crypto.getRandomValues(new Uint32Array(2))].map((word) => word.toString(36)).join("")}`;
  let text = "";
  return {
    key,
    keep(call) {
      if (text.length > LIMIT_CHARS) return false;
      text += call.join(FIELD_END) + RECORD_END;
      put(key, text);
      return true;
    },
  };
}

const RECORD_END = "\x1e";
const FIELD_END = "\x1f";
/** A quarter of what the tracker may store: a core that never comes must not take it all. */
const LIMIT_CHARS = 1 << 18;

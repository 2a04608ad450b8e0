/**
 * Hands inputs to the core with their moment and runs its effects in order: `Put` before the
 * `Upload` that carries it, `Delete` only after the answer. The only place that speaks in frames
 * (`sdk-wasm/src/codec.rs` is the other end).
 */

import type { Notice } from "./api.js";
import type { Core } from "./core.js";
import type { Outcome, Upload } from "./transport.js";

export interface Host {
  put(key: string, value: string): void;
  delete(key: string): void;
  /** Writes what was put and deleted, now. */
  write(): void;
  send(upload: Upload): Promise<Outcome> | undefined;
  notify(kind: "verdict" | "drop", notice: Notice): void;
  /** The core is gone: a trap leaves it in no state to go on. */
  fail(reason: unknown): void;
}

export interface Driver {
  /** One input: its name, then its fields. */
  handle(...fields: Field[]): void;
  /** Resolves when no upload is on its way any more. */
  settled(): Promise<void>;
  /** Runs no effect and hears no answer after this. */
  retire(): void;
}

export type Field = string | number;

/** `opening`: the settings of `codec::read_opening`, in order. */
export function openDriver(core: Core, opening: Field[], host: Host): Driver {
  let timer: number | undefined;
  let retired = false;
  let onTheirWay = 0;
  let settledCallbacks: (() => void)[] = [];

  const handle = (...fields: Field[]): void => {
    if (retired) return;
    try {
      const entropy = crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES));
      run(core(fields.join(SEPARATOR), Date.now(), performance.now(), entropy).split(SEPARATOR));
    } catch (reason) {
      retire();
      host.fail(reason);
    }
    if (!onTheirWay) {
      for (const settle of settledCallbacks) settle();
      settledCallbacks = [];
    }
  };

  const run = (fields: string[]): void => {
    let at = 0;
    const next = (): string => fields[at++] ?? "";
    const tooLarge: string[] = [];
    while (at < fields.length) {
      switch (next()) {
        case "put":
          host.put(next(), next());
          break;
        case "delete":
          host.delete(next());
          break;
        case "upload": {
          const id = next();
          // Stored first: a crash between the two resends, and the collector knows the event.
          host.write();
          if (!upload(id, { url: next(), body: next(), closing: !!next() })) tooLarge.push(id);
          break;
        }
        case "wake":
          clearTimeout(timer);
          timer = setTimeout(handle, Math.min(Number(next()), MAX_TIMER_MS), "wake");
          break;
        case "verdict":
          host.notify("verdict", { messageId: next(), code: next() });
          break;
        case "drop":
          host.notify("drop", { messageId: next(), code: next() });
      }
    }
    for (const id of tooLarge) handle("too_large", id);
  };

  const upload = (id: string, what: Upload): boolean => {
    const outcome = host.send(what);
    if (!outcome) return false;
    onTheirWay++;
    void outcome.then(({ status, retryAfterS, answer }) => {
      onTheirWay--;
      const said = answer ? [answer.receipt, answer.rejected.length, ...[...answer.rejected, ...answer.warnings].flatMap(({ messageId, code }) => [messageId, code])] : [];
      handle("finished", id, status, retryAfterS, ...said);
    });
    return true;
  };

  const retire = (): void => {
    retired = true;
    clearTimeout(timer);
    for (const settle of settledCallbacks) settle();
  };

  handle("open", ...opening);
  return {
    handle,
    settled: () => new Promise((resolve) => (onTheirWay && !retired ? settledCallbacks.push(resolve) : resolve())),
    retire,
  };
}

/** U+001C: JSON text cannot hold it, and the stored formats do not. */
const SEPARATOR = "\x1c";
const ENTROPY_BYTES = 32;
/** setTimeout takes 31 bits; beyond, it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

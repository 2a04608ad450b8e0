/**
 * Passes calls to the core, or to the buffer while there is none. Owns the page's life with it:
 * the start, a failure, the way into the back-forward cache and out of it.
 */

import type { Ids, Options } from "./api.js";
import { openBuffer, type Call } from "./buffer.js";
import { constantContext } from "./context.js";
import { fetchCore, type Core } from "./core.js";
import { openDriver, type Driver, type Field } from "./driver.js";
import type { Notices } from "./notices.js";
import { openStorage } from "./storage.js";
import { joinTabs } from "./tabs.js";
import { send } from "./transport.js";

export interface Relay {
  take(call: Call): void;
  flush(): Promise<void>;
  ids(): Ids;
  /** The page hides: sends and stores, for it may never run again. */
  hide(): void;
  /** The page leaves: its queue may go to another tab. */
  leave(): void;
  /** The page came back as it was, but its queue may be gone. */
  comeBack(): void;
  /** The network is back. */
  wake(): void;
}

export function openRelay(options: Options, notices: Notices): Relay {
  const host = String(options.host).replace(/\/+$/, "");
  const storage = openStorage(() => notices.complain("storage is full or blocked: what waits is safe only while this page is open"));
  let tabs = joinTabs(storage);
  const put = (key: string, value: string): void => {
    tabs.own(key);
    storage.put(key, value);
  };
  let buffer = openBuffer(put);
  let core: Core | undefined;
  let driver: Driver | undefined;

  const boot = async (): Promise<void> => {
    try {
      core = await fetchCore(options.wasmUrl ?? `${host}/selvedge.wasm`);
      begin(core);
    } catch (reason) {
      starting = undefined;
      fail(reason);
    }
  };

  /** Takes up what is stored: the ids, then what was called meanwhile, then what the dead left. */
  const begin = (ready: Core): void => {
    const stored = (keys: string[]): Field[] => keys.flatMap((key) => [key, storage.get(key) ?? []].flat());
    const opened = openDriver(ready, [...settings(options, host), ...(storage.get(IDENTITY) === null ? [] : stored([IDENTITY]))], {
      put,
      delete: storage.delete,
      write: storage.write,
      send,
      notify: notices.notify,
      fail,
    });
    const adopt = (keys: string[]): void => opened.handle("adopt", ...stored(keys));
    if (storage.get(buffer.key)) adopt([buffer.key]);
    buffer = openBuffer(put);
    tabs.watch({ adopt, changed: (key) => key === IDENTITY && opened.handle(IDENTITY, storage.get(key) ?? "") });
    if (core) driver = opened;
  };

  /** Calls stay in storage for a later visit. A sender in plain JavaScript would begin here. */
  const fail = (reason: unknown): void => {
    core = driver = undefined;
    notices.complain("WebAssembly does not run (does a content security policy lack 'wasm-unsafe-eval'?): events are stored, not sent", reason);
  };

  /** Undefined after a failure to load, which a better network may mend. */
  let starting: Promise<void> | undefined = boot();
  return {
    take(call) {
      if (driver) driver.handle(...call);
      else if (!buffer.keep(call)) notices.notify("drop", { messageId: "", code: "queue_full" });
    },
    async flush() {
      await starting;
      driver?.handle("flush");
      await driver?.settled();
    },
    ids: () => readIds(storage.get(IDENTITY)),
    hide() {
      driver?.handle("suspend");
      storage.write();
    },
    leave: () => tabs.leave(),
    comeBack() {
      driver?.retire();
      driver = undefined;
      tabs = joinTabs(storage);
      buffer = openBuffer(put);
      if (core) begin(core);
      else starting ??= boot();
    },
    wake() {
      driver?.handle("wake");
      starting ??= boot();
    },
  };
}

/** As `codec::read_opening` reads them. */
function settings(options: Options, host: string): Field[] {
  const { writeKey, flushIntervalMs = 5_000, flushAtEvents = 100 } = options;
  return [String(writeKey), host, constantContext(), flushIntervalMs, flushAtEvents, FLUSH_AT_BYTES, QUEUE_LIMIT_BYTES];
}

/** Lines of the core's shared entry (`sdk-core/src/identity.rs`): version, anonymous_id, user_id as JSON, session id. */
function readIds(entry: string | null): Ids {
  const [, anonymousId, userId, sessionId] = (entry ?? "").split("\n");
  return { anonymousId: anonymousId || null, userId: userId ? (JSON.parse(userId) as string) : null, sessionId: sessionId || null };
}

const IDENTITY = "identity";
/** protocol.md, section 3: an SDK's batch in the web. */
const FLUSH_AT_BYTES = 60 * 1_024;
/** Leaves an eighth of the tracker's MiB for keys, headers, and the second copy while a block moves. */
const QUEUE_LIMIT_BYTES = 896 * 1_024;

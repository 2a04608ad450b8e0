/** The tracker of a page: wires its parts together. Nothing in them throws into the page. */

import type { Options, Selvedge } from "./api.js";
import { openCalls } from "./calls.js";
import { capturePages } from "./capture.js";
import { watchLife } from "./lifecycle.js";
import { openNotices } from "./notices.js";
import { openRelay } from "./relay.js";

/** A call that a page made before the script was there. */
export type EarlyCall = [madeUnixMs: number, method: keyof Selvedge, ...args: unknown[]];

export function startTracker(options: Options, early: EarlyCall[] = []): Selvedge {
  const notices = openNotices(options.debug);
  const relay = openRelay(options, notices);
  /** Of the early call that is being replayed. */
  let madeUnixMs: number | undefined;
  const tracker: Selvedge = {
    ...openCalls(relay.take, () => madeUnixMs ?? Date.now(), notices),
    flush: relay.flush,
    ids: relay.ids,
    on: notices.on,
  };
  for (const [at, method, ...args] of early) {
    madeUnixMs = at;
    (tracker[method] as ((...args: unknown[]) => unknown) | undefined)?.(...args);
  }
  madeUnixMs = undefined;
  watchLife({
    hidden: relay.hide,
    left: relay.leave,
    returned: relay.comeBack,
    online: relay.wake,
  });
  // After the life: a page that comes back is counted by the core of its new life.
  if (options.autoPage) capturePages(() => tracker.page());
  return tracker;
}

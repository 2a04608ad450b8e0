/** The npm package's door. Importing it does nothing, on a server too. */

import type { Options, Selvedge } from "./api.js";
import { startTracker } from "./tracker.js";

export type * from "./api.js";

let tracker: Selvedge | undefined;

/** Starts the page's tracker; called again, it returns the same one. On a server its calls do nothing. */
export function load(options: Options): Selvedge {
  if (typeof document === "undefined") return OUTSIDE_A_PAGE;
  return (tracker ??= startTracker(options));
}

const nothing = (): void => {};

const OUTSIDE_A_PAGE: Selvedge = {
  track: nothing,
  identify: nothing,
  page: nothing,
  group: nothing,
  alias: nothing,
  reset: nothing,
  flush: () => Promise.resolve(),
  ids: () => ({ anonymousId: null, userId: null, sessionId: null }),
  on: nothing,
};

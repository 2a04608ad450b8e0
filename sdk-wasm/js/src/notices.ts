/** What the tracker has to say: to the site's callbacks, and on the console. */

import type { Notice } from "./api.js";

export type NoticeKind = "verdict" | "drop";

export interface Notices {
  on(kind: NoticeKind, callback: (notice: Notice) => void): void;
  notify(kind: NoticeKind, notice: Notice): void;
  /** On the console, each sentence once. */
  complain(what: string, reason?: unknown): void;
}

export function openNotices(debug: boolean | undefined): Notices {
  const callbacks: Record<NoticeKind, ((notice: Notice) => void)[]> = { verdict: [], drop: [] };
  const complaints = new Set<string>();
  return {
    on: (kind, callback) => void callbacks[kind]?.push(callback),
    notify(kind, notice) {
      if (debug) console.debug(`selvedge: ${kind}`, notice);
      // A callback's own error is the site's to see, and no part of our flow.
      for (const callback of callbacks[kind]) queueMicrotask(() => callback(notice));
    },
    complain(what, reason = "") {
      if (complaints.has(what)) return;
      complaints.add(what);
      console.warn(`selvedge: ${what}`, reason);
    },
  };
}

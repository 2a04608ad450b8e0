/** What a page knows of itself: constant per browser, or of the page at the moment of a call. */

import type { Properties } from "./api.js";

/** Sent once per batch. The page itself is not in it: a batch may carry another page's events. */
export function constantContext(): string {
  const { width, height } = screen;
  return JSON.stringify({
    library: { name: "selvedge.js", version: VERSION },
    userAgent: navigator.userAgent,
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: { width, height, density: devicePixelRatio },
  });
}

/** Where the visitor is now, in the field's words. */
export function currentPage(): Properties {
  const { href, pathname, search } = location;
  return { path: pathname, referrer: document.referrer, search, title: document.title, url: href };
}

/** The package's, put in by the build. */
declare const VERSION: string;

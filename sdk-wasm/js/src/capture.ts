/** Page views by themselves: the first page, and each new path of a single-page application. */

export function capturePages(page: () => void): void {
  let seen: string | undefined;
  const look = (): void => {
    if (location.pathname === seen) return;
    seen = location.pathname;
    page();
  };
  look();
  // A task later: frameworks set the title after the address.
  const later = (): void => void setTimeout(look);
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = (...change) => {
      original.apply(history, change);
      later();
    };
  }
  addEventListener("popstate", later);
  // Back from the back-forward cache: the visitor sees the page again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) page();
  });
}

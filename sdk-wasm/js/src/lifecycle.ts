/** Turns the browser's many signs of coming and going into four. */

export interface Life {
  /** The page hides: it may never run again. */
  hidden(): void;
  /** The page leaves: it is frozen for the way back, or ends. Always after `hidden`. */
  left(): void;
  /** The page came back from the browser's back-forward cache as it was. */
  returned(): void;
  /** The network is back. */
  online(): void;
}

export function watchLife(life: Life): void {
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && life.hidden());
  // Safari does not fire visibilitychange when a page is left by a link.
  addEventListener("pagehide", () => {
    life.hidden();
    life.left();
  });
  addEventListener("pageshow", (event) => event.persisted && life.returned());
  addEventListener("online", life.online);
}

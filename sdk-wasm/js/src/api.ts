/** What sites rely on. Types only: nothing here is code, and everything here is public. */

/** What JSON can carry. Functions and symbols in it vanish, dates become their ISO text. */
export type Properties = Record<string, unknown>;

export interface Options {
  /** Public write key, `pk_…`. */
  writeKey: string;
  /** The collector, `https://collect.example`, with or without a trailing slash. */
  host: string;
  /** Where `selvedge.wasm` lies, if not at the collector. */
  wasmUrl?: string;
  /** Page views by themselves: the first page, and each new path of a single-page application. */
  autoPage?: boolean;
  /** The longest that an event waits for company, in ms. 5,000 if absent. */
  flushIntervalMs?: number;
  /** Events that make a batch full. 100 if absent. */
  flushAtEvents?: number;
  /** Says on the console what is usually swallowed. */
  debug?: boolean;
}

/** What became of one event: refused, or stored with a warning; or dropped before it was sent. */
export interface Notice {
  /** Empty when the event never came far enough to get one. */
  messageId: string;
  /** A stable code of the documents' error catalogue. */
  code: string;
}

/** Who the visitor is, as far as is known here. Nulls on a first visit until the core is ready. */
export interface Ids {
  anonymousId: string | null;
  userId: string | null;
  sessionId: string | null;
}

/** The tracker. Every call works at once and none throws. */
export interface Selvedge {
  track(event: string, properties?: Properties): void;
  identify(userId?: string | number | null, traits?: Properties): void;
  identify(traits: Properties): void;
  page(name?: string | null, properties?: Properties): void;
  page(properties: Properties): void;
  group(groupId: string | number, traits?: Properties): void;
  alias(userId: string | number, previousId: string | number): void;
  /** Log-out: forgets the user, takes a new anonymous id. */
  reset(): void;
  /** Resolves when all that was queued is answered, or has to wait for the network. */
  flush(): Promise<void>;
  ids(): Ids;
  /** Calls back for each event that the collector judged, or that was dropped here. */
  on(kind: "verdict" | "drop", callback: (notice: Notice) => void): void;
}

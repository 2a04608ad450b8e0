/**
 * Keeps entries in localStorage: gathers writes, stays within its bound, never throws.
 * What cannot be kept stays in memory and is reported. Knows nothing of what the entries mean.
 */

export interface Storage {
  get(key: string): string | null;
  put(key: string, value: string): void;
  delete(key: string): void;
  /** Of every tab; what waits to be written counts too. */
  keys(): string[];
  /** Writes what waits, now. Called before an upload that carries it and when the page hides. */
  write(): void;
  /** Another tab changed an entry: the bound counts it too. Gives the entry's key, if it is the tracker's. */
  noteForeign(event: StorageEvent): string | undefined;
}

/** `report` hears how many entries live in memory only, whenever a write could not keep all. */
export function openStorage(report: (unkept: number) => void): Storage {
  const home = findHome();
  /** Not yet written, in the order of the core's effects; null deletes. */
  const waiting = new Map<string, string | null>();
  let timer: number | undefined;
  const ownKeys = (): string[] => (home ? Object.keys(home) : []).filter((key) => key.startsWith(PREFIX));
  let used = ownKeys().reduce((sum, key) => sum + sizeOf(key, home?.getItem(key)), 0);

  const keep = (key: string, value: string | null): boolean => {
    if (!home) return value === null;
    const name = PREFIX + key;
    const growth = sizeOf(name, value) - sizeOf(name, home.getItem(name));
    try {
      if (value === null) home.removeItem(name);
      else if (used + growth > LIMIT_CHARS) return false;
      else home.setItem(name, value);
      used += growth;
      return true;
    } catch {
      return false; // The browser's own quota: its answer is "no", and the caller reports it.
    }
  };

  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    // Twice: what the first round deletes makes room for what it could not keep.
    for (let round = 0; round < 2; round++) {
      for (const [key, value] of waiting) if (keep(key, value)) waiting.delete(key);
    }
    if (waiting.size) report(waiting.size);
  };

  const later = (key: string, value: string | null): void => {
    // Taken out first: a Map keeps a key's first place, and a Delete must follow its Put.
    waiting.delete(key);
    waiting.set(key, value);
    timer ??= setTimeout(write, WRITE_DELAY_MS);
  };

  return {
    get: (key) => waiting.get(key) ?? (waiting.has(key) ? null : home?.getItem(PREFIX + key) ?? null),
    put: later,
    delete: (key) => later(key, null),
    keys() {
      const written = ownKeys().map((name) => name.slice(PREFIX.length));
      return [...new Set([...written, ...waiting.keys()])].filter((key) => waiting.get(key) !== null);
    },
    write,
    noteForeign: ({ key, newValue, oldValue, storageArea }) => {
      if (storageArea !== home) return undefined;
      if (key === null) used = 0;
      if (!key?.startsWith(PREFIX)) return undefined;
      used += sizeOf(key, newValue) - sizeOf(key, oldValue);
      return key.slice(PREFIX.length);
    },
  };
}

/** Where storage is blocked, asking for it throws. */
function findHome(): globalThis.Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function sizeOf(key: string, value: string | null | undefined): number {
  return value == null ? 0 : key.length + value.length;
}

const PREFIX = "selvedge.";
/** 1 MiB of the 5 that browsers give an origin, over all its tabs: the rest is the site's. */
const LIMIT_CHARS = 1 << 20;
/** Long enough to gather a burst, shorter than a frame. */
const WRITE_DELAY_MS = 4;

/**
 * Several tabs share one storage: says which owners of queues are alive, so that the queue of a
 * dead one is taken in by one tab and that of a living one by none. Web Locks know it exactly;
 * without them (pages over plain http) a lease in storage must do.
 */

import type { Storage } from "./storage.js";

export interface Tabs {
  /** An entry is about to be stored here: whoever owns it lives as long as this page. */
  own(key: string): void;
  /** From now on, hears of the dead and of changes. */
  watch(neighbours: Neighbours): void;
  /** Gives up all lives of this page and hears no more. */
  leave(): void;
}

export interface Neighbours {
  /** What the dead left, to be taken in before this returns. */
  adopt(keys: string[]): void;
  /** Another tab changed an entry. */
  changed(key: string): void;
}

export function joinTabs(storage: Storage): Tabs {
  const leaving = new AbortController();
  const { signal } = leaving;
  const lives = "locks" in navigator ? lockedLives(signal) : leasedLives(storage, signal);
  /** Owners that live here, or whose end is awaited. */
  const known = new Set<string>();

  return {
    own(key) {
      const owner = ownerOf(key);
      if (!owner || known.has(owner)) return;
      known.add(owner);
      lives.live(owner);
    },
    watch({ adopt, changed }) {
      const look = (key: string): void => {
        const owner = ownerOf(key);
        if (!owner || known.has(owner)) return;
        known.add(owner);
        lives.whenOver(owner, () => {
          known.delete(owner);
          const left = storage.keys().filter((key) => ownerOf(key) === owner);
          if (left.length) adopt(left);
          storage.write();
        });
      };
      const hear = (event: StorageEvent): void => {
        const key = storage.noteForeign(event);
        if (key === undefined) return;
        changed(key);
        look(key);
      };
      addEventListener("storage", hear, { signal });
      storage.keys().forEach(look);
    },
    leave: () => leaving.abort(),
  };
}

interface Lives {
  live(owner: string): void;
  /** Calls back once, when the owner's life is over: soon, if it is. In one tab only. */
  whenOver(owner: string, callback: () => void): void;
}

/** A lock is held for as long as the page runs; the browser releases it whatever ends the page. */
function lockedLives(signal: AbortSignal): Lives {
  const request = (owner: string, mode: LockMode, held: () => Promise<unknown>): void => {
    // Refused only once `signal` aborts: nobody waits for it any more.
    navigator.locks.request(LOCK_PREFIX + owner, { signal, mode }, held).catch(() => {});
  };
  const left = new Promise<void>((leave) => signal.addEventListener("abort", () => leave()));
  /** The owner alone asks for a shared lock: one that waits is of an owner whose entries were seen before its request. */
  const livesYet = async (owner: string): Promise<boolean> => {
    const { pending = [] } = await navigator.locks.query();
    return pending.some(({ name, mode }) => name === LOCK_PREFIX + owner && mode === "shared");
  };
  const whenOver = (owner: string, callback: () => void): void =>
    request(owner, "exclusive", async () => {
      // Storage reaches other processes a little later than locks do: what the last to hold this one wrote must be here,
      // though it may have ended as it wrote, and an owner's request must have come, though it began late.
      await Promise.race([left, new Promise((settled) => setTimeout(settled, SETTLING_MS))]);
      if (signal.aborted) return;
      // Who cannot be asked takes the entries in: sent twice, they are known; left behind, they are late.
      const isLate = await livesYet(owner).catch(() => false);
      if (signal.aborted) return;
      if (isLate) whenOver(owner, callback);
      else callback();
    });
  return { live: (owner) => request(owner, "shared", () => left), whenOver };
}

/** A lease names its latest beat and who made it: the owner, or whoever lays claim to a dead one's entries. */
function leasedLives(storage: Storage, signal: AbortSignal): Lives {
  const own = new Set<string>();
  const awaited = new Map<string, () => void>();
  const me = String(Math.random());
  const renew = (owner: string): void => storage.put(LEASE_PREFIX + owner, `${Date.now()} ${me}`);

  const beat = (): void => {
    own.forEach(renew);
    for (const [owner, callback] of awaited) {
      const [beatUnixMs, maker] = (storage.get(LEASE_PREFIX + owner) ?? "0").split(" ");
      if (maker === me) {
        // Claimed a beat ago, and nobody claimed after us: of several the last to write is right.
        awaited.delete(owner);
        callback();
        storage.delete(LEASE_PREFIX + owner);
      } else if (Math.abs(Date.now() - Number(beatUnixMs)) > LEASE_MS) renew(owner);
    }
  };
  const timer = setInterval(beat, BEAT_MS);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    for (const owner of own) storage.delete(LEASE_PREFIX + owner);
    storage.write();
  });
  return {
    live(owner) {
      own.add(owner);
      renew(owner);
    },
    whenOver: (owner, callback) => void awaited.set(owner, callback),
  };
}

/** The owner in the key of a queue's or a buffer's entry. */
function ownerOf(key: string): string | undefined {
  return /^(?:queue|calls)\.([^.]+)/.exec(key)?.[1];
}

const LOCK_PREFIX = "selvedge.";
const LEASE_PREFIX = "lease.";
const SETTLING_MS = 1_000;
const BEAT_MS = 5_000;
/** Browsers let the timers of a hidden tab run once a minute: two such beats may be missed. */
const LEASE_MS = 150_000;

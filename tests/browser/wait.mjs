/** Waits for conditions: real browsers and processes take real time, and nobody knows how much. */

import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks again and again until the answer is truthy, and returns it.
 * @template T
 * @param {string} what the sentence of the failure: "there is no …"
 * @param {() => T | Promise<T>} condition
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, condition, withinMs = 20_000) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`after ${withinMs} ms still not: ${what}`);
    await pause(POLL_MS);
  }
}

/**
 * Asks until the number is reached or time is up, and returns what it came to: for figures that are measured.
 * @param {number} most
 * @param {() => Promise<number>} count
 */
export async function countUpTo(most, count, withinMs) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const reached = await count();
    if (reached >= most || performance.now() > deadline) return reached;
    await pause(POLL_MS);
  }
}

const POLL_MS = 50;

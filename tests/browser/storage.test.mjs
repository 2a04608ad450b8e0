/** Storage that is blocked, full or coveted by the site: the page never notices, and events go on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { tracked } from "./site.mjs";
import { anonymousOf, flushed, numbersOf, set, stored, storedIn, track, upTo } from "./stage.mjs";
import { until } from "./wait.mjs";

test("where storage is blocked, events still go and nothing is thrown", async (t) => {
  const { collector, doorway, site, visitor, tracker } = await set(t);
  // A sandboxed page has no origin, and asking for its storage throws.
  site.put("/sandboxed", tracked(tracker), { "content-security-policy": "sandbox allow-scripts" });
  const page = await visitor.open(`${site.url}/sandboxed`);
  assert.match(await page.evaluate(() => { try { return String(localStorage); } catch (error) { return error.name; } }), /SecurityError/);
  await track(page, "Without Storage", 5);
  await flushed(page);
  const [{ anonymousId }] = doorway.events();
  assert.deepEqual(numbersOf(await stored(collector, `anonymous_id:${anonymousId}`, 5), "Without Storage"), upTo(5));
});

test("where storage is full, events still go and nothing is thrown", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/plain`);
  await page.evaluate(fillStorage);
  await page.goto(`${site.url}/`);
  await track(page, "Full Storage", 200);
  await flushed(page);
  const [{ anonymousId }] = doorway.events();
  assert.deepEqual(numbersOf(await stored(collector, `anonymous_id:${anonymousId}`, 200), "Full Storage"), upTo(200));
});

test("what is stored never exceeds a MiB, and tracked is stored and dropped together", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  await page.evaluate(() => {
    window.drops = [];
    window.selvedge.on("drop", (notice) => window.drops.push(notice.code));
  });
  doorway.cut();
  const rounds = 20;
  const perRound = 250;
  let most = 0;
  for (let round = 0; round < rounds; round++) {
    await track(page, `${"A long way from any network ".repeat(6)}`, perRound, round * perRound);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 10)));
    most = Math.max(most, sizeOf(await storedIn(page)));
  }
  t.diagnostic(`most that was stored: ${most} of ${MIB} characters`);
  assert.ok(most > MIB / 2 && most <= MIB, `${most} characters`);
  doorway.mend();

  await flushed(page);
  await until("nothing waits any more", async () => !(await storedIn(page)).some(([key]) => /queue\.\w+\.[1-9]/.test(key)));
  const kept = (await collector.events(await anonymousOf(page))).length;
  const drops = await page.evaluate(() => window.drops);
  assert.deepEqual([...new Set(drops)], ["queue_full"]);
  assert.equal(kept + drops.length, rounds * perRound);
});

/** Leaves not a character of the origin's quota. */
function fillStorage() {
  for (let size = 1 << 20; size >= 1; ) {
    try {
      localStorage.setItem(`site.${localStorage.length}`, "x".repeat(size));
    } catch {
      size >>= 1;
    }
  }
}

/** @param {[string, string][]} entries */
function sizeOf(entries) {
  return entries.reduce((sum, [key, text]) => sum + key.length + text.length, 0);
}

const MIB = 1 << 20;

/** Several tabs of one visitor: one identity, and queues that neither collide nor stay behind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openDoorway } from "./doorway.mjs";
import { tracked } from "./site.mjs";
import { anonymousOf, assertNoneTwice, flushed, idsOf, numbersOf, openSettled, set, settled, stored, storedIn, track, upTo } from "./stage.mjs";
import { until } from "./wait.mjs";

test("two tabs share one identity, and a login in one is heard in the other", async (t) => {
  const { collector, site, visitor } = await set(t);
  const [first, second] = [await openSettled(visitor, `${site.url}/`), await openSettled(visitor, `${site.url}/`)];

  await first.evaluate(() => window.selvedge.identify("ada"));
  await until("the second tab knows ada", async () => (await idsOf(second)).userId === "ada");
  await track(second, "Second Tab", 1);
  await flushed(second);
  const event = await until("the second tab's event is stored", async () => (await collector.events("user_id:ada")).find(({ event }) => event === "Second Tab"));
  assert.equal(event.userId, "ada");
  assert.equal(event.anonymousId, (await idsOf(first)).anonymousId);
});

test("two tabs that begin at once soon agree on one anonymous id", async (t) => {
  const { doorway, site, visitor } = await set(t);
  const pages = await Promise.all([visitor.open(`${site.url}/`), visitor.open(`${site.url}/`)]);
  // Storage reaches the other tab a moment after it is written: until then each speaks under its own.
  await until("both speak under one id", async () => {
    await Promise.all(pages.map((page, place) => track(page, `Tab ${place}`, 1)));
    await Promise.all(pages.map(flushed));
    const [first, second] = ["Tab 0", "Tab 1"].map((name) => doorway.events().findLast(({ event }) => event === name));
    return first && first.anonymousId === second?.anonymousId;
  });
});

test("neither of two tabs loses or doubles the other's queue", async (t) => {
  const { collector, doorway: cut, site, visitor, tracker } = await set(t);
  const [first, second] = [await openSettled(visitor, `${site.url}/`), await openSettled(visitor, `${site.url}/`)];
  cut.cut();
  await Promise.all([track(first, "First Tab", 40), track(second, "Second Tab", 40)]);
  await Promise.all([flushed(first), flushed(second)]);
  // What a page sends as it closes may arrive long after it, and rightly comes again from the next: that way stays cut.
  const doorway = await openDoorway(collector.url);
  t.after(doorway.close);
  doorway.cut();
  site.put("/", tracked({ ...tracker, host: doorway.url }));
  // Each leaves a queue to the other, and finds one when it comes back.
  await Promise.all([first.reload(), second.reload()]);
  await Promise.all([track(first, "First Tab", 40, 40), track(second, "Second Tab", 40, 40)]);
  await until("both have tried", () => doorway.refused() > 3);
  doorway.mend();
  // As a browser says when its network is back: without it, the pauses between tries may be long by now.
  await Promise.all([first, second].map((page) => page.evaluate(() => window.dispatchEvent(new Event("online")))));

  const events = await stored(collector, await anonymousOf(first), 160);
  assert.deepEqual(numbersOf(events, "First Tab"), upTo(80));
  assert.deepEqual(numbersOf(events, "Second Tab"), upTo(80));
  assert.deepEqual(cut.events().filter(({ type }) => type === "track"), [], "the way that is cut let something through");
  assertNoneTwice(doorway.events());
  await until("nothing waits any more", async () => !(await storedIn(first)).some(([key]) => key.startsWith("selvedge.queue.")));
});

test("a living tab's queue is left to it, however late its lock is", async (t) => {
  const { doorway, site, visitor } = await set(t);
  const neighbour = await openSettled(visitor, `${site.url}/`);
  const slow = await visitor.open(`${site.url}/plain`);
  await slow.addInitScript((lateMs) => {
    const { request } = LockManager.prototype;
    LockManager.prototype.request = async function (...asked) {
      await new Promise((resolve) => setTimeout(resolve, lateMs));
      return request.apply(this, asked);
    };
  }, 200);
  await slow.goto(`${site.url}/`);
  await settled(slow);
  doorway.cut();
  await track(slow, "Slow Tab", 10);
  // Longer than a neighbour takes that finds a queue without a lock.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  doorway.mend();
  await Promise.all([neighbour, slow].map((page) => page.evaluate(() => window.dispatchEvent(new Event("online")))));
  await until("they are sent", () => numbersOf(doorway.events(), "Slow Tab").length >= 10);
  await Promise.all([flushed(neighbour), flushed(slow)]);
  assert.deepEqual(numbersOf(doorway.events(), "Slow Tab"), upTo(10));

  // Nor is the tab forgotten: the neighbour waits for its end.
  doorway.cut();
  await track(slow, "Left Behind", 5);
  await until("they are in storage", async () => (await storedIn(neighbour)).some(([, text]) => text.includes("Left Behind")));
  await crash(slow);
  doorway.mend();
  await until("the neighbour has sent the rest", () => numbersOf(doorway.events(), "Left Behind").length >= 5);
  assert.deepEqual(numbersOf(doorway.events(), "Left Behind"), upTo(5));
});

test("the queue of a killed tab is taken in by another", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const survivor = await openSettled(visitor, `${site.url}/`);
  const victim = await openSettled(visitor, `${site.url}/`);
  doorway.cut();
  await track(victim, "Left Behind", 25);
  await until("they are in storage", async () => (await storedIn(survivor)).some(([, text]) => text.includes("Left Behind")));
  await crash(victim);
  doorway.mend();

  const events = await stored(collector, await anonymousOf(survivor), 25);
  assert.deepEqual(numbersOf(events, "Left Behind"), upTo(25));
});

/** Ends a tab without a word to it. @param {import("playwright-core").Page} page */
async function crash(page) {
  const crashed = page.waitForEvent("crash");
  page.goto("chrome://crash").catch(() => {});
  await crashed;
}

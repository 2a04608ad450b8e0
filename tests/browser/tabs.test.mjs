/** Several tabs of one visitor: one identity, and queues that neither collide nor stay behind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openDoorway } from "./doorway.mjs";
import { tracked } from "./site.mjs";
import { agreed, anonymousOf, assertNoneTwice, flushed, idsOf, numbersOf, set, stored, storedIn, track, upTo } from "./stage.mjs";
import { until } from "./wait.mjs";

test("two tabs share one identity, and a login in one is heard in the other", async (t) => {
  const { collector, site, visitor } = await set(t);
  const [first, second] = [await visitor.open(`${site.url}/`), await visitor.open(`${site.url}/`)];
  await agreed(first, second);

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
  const [first, second] = [await visitor.open(`${site.url}/`), await visitor.open(`${site.url}/`)];
  await agreed(first, second);
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

test("the queue of a killed tab is taken in by another", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const survivor = await visitor.open(`${site.url}/`);
  const victim = await visitor.open(`${site.url}/`);
  await agreed(survivor, victim);
  doorway.cut();
  await track(victim, "Left Behind", 25);
  await until("they are in storage", async () => (await storedIn(survivor)).some(([, text]) => text.includes("Left Behind")));
  const crashed = victim.waitForEvent("crash");
  victim.goto("chrome://crash").catch(() => {});
  await crashed;
  doorway.mend();

  const events = await stored(collector, await anonymousOf(survivor), 25);
  assert.deepEqual(numbersOf(events, "Left Behind"), upTo(25));
});

/** Networks that are away, lie or ask for patience, and an event that no collector takes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BATCH_PATH } from "./doorway.mjs";
import { anonymousOf, assertNoneTwice, flushed, numbersOf, set, stored, storedIn, track, upTo } from "./stage.mjs";
import { until } from "./wait.mjs";

test("a thousand events offline, a reload, online: all are stored, none is sent twice", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  await visitor.context.setOffline(true);
  await track(page, "Offline", 1_000);
  // The site must answer for a reload; the collector stays away.
  doorway.cut();
  await visitor.context.setOffline(false);
  await page.reload();
  await flushed(page);
  assert.equal(doorway.events().length, 0);
  doorway.mend();
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 1_000), "Offline"), upTo(1_000));
  assertNoneTwice(doorway.events());
});

test("back online, what waited goes by itself and soon", async (t) => {
  const { collector, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  await visitor.context.setOffline(true);
  await track(page, "Offline", 5);
  // Several failures, so that a pause that only counts them would be long.
  for (let failure = 0; failure < 5; failure++) await flushed(page);
  await visitor.context.setOffline(false);
  const begun = performance.now();
  await stored(collector, await anonymousOf(page), 5);
  assert.ok(performance.now() - begun < 3_000, "later than three seconds");
});

test("a captive portal's 200 removes nothing", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  doorway.answer(200, { "content-type": "text/html" }, "<html><body>Welcome to the station's WiFi</body></html>");
  await track(page, "Behind A Portal", 3);
  await flushed(page);
  await until("the portal has answered", () => doorway.refused());
  assert.ok((await storedIn(page)).some(([key, text]) => key.includes("queue.") && text.includes("Behind A Portal")));
  doorway.mend();
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 3), "Behind A Portal"), upTo(3));
});

test("a 503 with Retry-After is waited for and loses nothing", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  doorway.answer(503, { "retry-after": "2" }, '{"success":false,"code":"overloaded","message":"later"}');
  await track(page, "Asked To Wait", 3);
  await flushed(page);
  const refusedMs = performance.now();
  assert.equal(doorway.refused(), 1);
  doorway.mend();
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 3), "Asked To Wait"), upTo(3));
  const waitedMs = doorway.passed.at(-1).atMs - refusedMs;
  assert.ok(waitedMs > 1_800, `came again after ${waitedMs} ms`);
});

test("an event that the collector refuses costs itself, and the page hears of it", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  doorway.rewriting(({ batch }) => (batch[3].type = "poison"));
  const verdict = page.evaluate(() => new Promise((resolve) => window.selvedge.on("verdict", resolve)));
  await track(page, "Beside Poison", 10);
  await flushed(page);
  assert.deepEqual(await verdict, { messageId: doorway.events()[3].messageId, code: "unknown_type" });
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 9), "Beside Poison"), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
  await until("nothing waits any more", async () => !(await storedIn(page)).some(([key]) => key.includes("queue.")));
});

test("flush resolves after the answer and not before", async (t) => {
  const { doorway, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  const release = doorway.hold(BATCH_PATH);
  await track(page, "Flushed", 1);
  let resolved = false;
  const flushing = flushed(page).then(() => (resolved = true));
  await until("the batch has passed", () => doorway.passed.length);
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  assert.equal(resolved, false);
  release();
  await flushing;
});

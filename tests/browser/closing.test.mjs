/** Tabs that close, at once and before the core is there: nothing is lost, and most arrives before the next visit. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { anonymousOf, flushed, idsOf, numbersOf, set, stored, upTo } from "./stage.mjs";
import { countUpTo, until } from "./wait.mjs";

test("ten events of a tab that closes in the same task are stored at once", async (t) => {
  const { arrived } = await trackAndClose(t, 10);
  assert.equal(arrived, 10);
});

test("a thousand events of a tab that closes in the same task are stored after the next visit, none twice", async (t) => {
  const { arrived, doorway, collector, site, visitor, identifier } = await trackAndClose(t, 1_000);
  const [farewell] = doorway.passed.slice(-1);
  t.diagnostic(`arrived at once: ${arrived} of 1000 (${farewell ? Math.round(farewell.bytes / farewell.events.length) : 0} bytes per event in the last request)`);
  assert.ok(arrived >= 950, `${arrived} of 1000 arrived at once`);

  await flushed(await visitor.open(`${site.url}/`));
  const events = await stored(collector, identifier, 1_000);
  assert.deepEqual(numbersOf(events, "Closing"), upTo(1_000));
});

test("calls before the core is there keep their time and survive a closed tab", async (t) => {
  const { collector, doorway, site, visitor } = await set(t);
  const release = doorway.hold("/selvedge.wasm");
  const page = await visitor.open(`${site.url}/`);
  const madeUnixMs = await page.evaluate(() => {
    window.selvedge.track("Early", { n: 0 });
    window.selvedge.track("Early", { n: 1 });
    return Date.now();
  });
  assert.deepEqual(await idsOf(page), { anonymousId: null, userId: null, sessionId: null });
  await page.close();
  // The distance is the point: had the time been taken at the second visit, it would show.
  await until("two and a half seconds have passed", () => Date.now() - madeUnixMs > 2_500);
  release();

  const next = await visitor.open(`${site.url}/`);
  await flushed(next);
  const events = await stored(collector, await anonymousOf(next), 2);
  assert.deepEqual(numbersOf(events, "Early"), upTo(2));
  for (const { time } of events) assert.ok(Math.abs(Date.parse(time) - madeUnixMs) < 1_000, `${time} is not ${new Date(madeUnixMs).toISOString()}`);
});

/** Opens a tracked page that tracks and closes itself in one task; counts what has arrived after a fair while. */
async function trackAndClose(t, count) {
  const stage = await set(t);
  const { collector, site, visitor } = stage;
  const page = await visitor.openClosable(`${site.url}/plain`, `${site.url}/`);
  await flushed(page);
  const identifier = await anonymousOf(page);
  const closed = page.waitForEvent("close");
  // Never answered: the page is gone.
  page
    .evaluate((count) => {
      const names = ["Indigo denim", "Natural linen", "Grey herringbone", "Madder gingham", "Navy ticking", "Sashiko"];
      for (let n = 0; n < count; n++) {
        const product = { product_id: crypto.randomUUID().slice(0, 8), name: names[n % names.length], price: (n * 37) % 101, currency: "EUR" };
        window.selvedge.track("Closing", { n, ...product, position: (n * 7) % 24 });
      }
      window.close();
    }, count)
    .catch(() => {});
  await closed;
  const arrived = await countUpTo(count, async () => (await collector.events(identifier)).length, 5_000);
  return { ...stage, identifier, arrived };
}

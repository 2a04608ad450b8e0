/** The main line: what a visitor does becomes one person's history, whatever the network did meanwhile. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { startCollector } from "./collector.mjs";
import { openSite, tracked } from "./site.mjs";
import { anonymousOf, assertNoneTwice, flushed, idsOf, newVisitor, numbersOf, set, stored, track, upTo } from "./stage.mjs";

test("three pages, one event offline and a login are one person's history, each event once", async (t) => {
  const { collector, site, visitor, tracker } = await set(t);
  for (const path of ["/a", "/b", "/c"]) site.put(path, tracked(tracker, { attributes: "" }));
  const page = await visitor.open(`${site.url}/a`);
  for (const path of ["/b", "/c"]) await page.goto(site.url + path);
  await visitor.context.setOffline(true);
  await track(page, "While Offline", 1);
  await visitor.context.setOffline(false);
  await page.evaluate(() => window.selvedge.identify("ada", { email: "ada@example.com" }));
  await flushed(page);

  const events = await stored(collector, "user_id:ada", 5);
  assert.deepEqual(events.map(({ type, event, context }) => event ?? `${type} ${context.page.path}`), ["page /a", "page /b", "page /c", "While Offline", "identify /c"]);
  const profile = await collector.profile("user_id:ada");
  assert.equal(profile.traits.email, "ada@example.com");
  const { anonymousId } = await idsOf(page);
  assert.ok(profile.identifiers.some(({ kind, value }) => kind === "anonymous_id" && value === anonymousId));
  assertNoneTwice(events);
});

test("what a collector hears, its upstream knows too", async (t) => {
  const upstream = await startCollector();
  const edge = await startCollector(["--upstream", upstream.url, "--upstream-key", upstream.secretKey]);
  const site = await openSite();
  site.put("/", tracked({ host: edge.url, writeKey: edge.publicKey }));
  const visitor = await newVisitor();
  t.after(async () => {
    await visitor.leave();
    await site.close();
    await edge.stop();
    await upstream.stop();
  });
  const page = await visitor.open(`${site.url}/`);
  await track(page, "Before Login", 3);
  await page.evaluate(() => window.selvedge.identify("ada"));
  await flushed(page);

  const events = await stored(upstream, "user_id:ada", 4);
  assert.deepEqual(numbersOf(events, "Before Login"), upTo(3));
  assert.deepEqual(events.map(({ messageId }) => messageId), (await edge.events("user_id:ada")).map(({ messageId }) => messageId));
});

test("a page that comes back as it was goes on tracking, and loses nothing of before", async (t) => {
  const { collector, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  await page.evaluate(() => {
    window.isSameLife = true;
    addEventListener("pageshow", ({ persisted }) => (window.cameBack = persisted));
  });
  await track(page, "There And Back", 2);
  await page.goto(`${site.url}/plain`);
  await page.goBack({ waitUntil: "commit" });
  await page.waitForFunction(() => window.cameBack && window.isSameLife);
  await track(page, "There And Back", 2, 2);
  await flushed(page);
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 4), "There And Back"), upTo(4));
});

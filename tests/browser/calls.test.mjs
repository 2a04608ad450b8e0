/** What a page calls, and what becomes of it: who is speaking, page views, early calls, both builds. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { MODULE, tracked } from "./site.mjs";
import { anonymousOf, flushed, idsOf, numbersOf, set, stored, storedIn, track, upTo } from "./stage.mjs";
import { until } from "./wait.mjs";

test("the ids are null on a first visit until the core is there, and stay for the next", async (t) => {
  const { doorway, site, visitor } = await set(t);
  const release = doorway.hold("/selvedge.wasm");
  const page = await visitor.open(`${site.url}/`);
  assert.deepEqual(await idsOf(page), { anonymousId: null, userId: null, sessionId: null });
  release();
  await flushed(page);
  const ids = await idsOf(page);
  assert.match(ids.anonymousId, /^[0-9a-f-]{36}$/);
  assert.equal(ids.userId, null);
  assert.ok(ids.sessionId);
  await page.reload();
  assert.deepEqual(await idsOf(page), ids);
});

test("a login keeps the anonymous id, a log-out takes a new one", async (t) => {
  const { collector, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  const before = await idsOf(page);
  await page.evaluate(() => window.selvedge.identify("ada"));
  assert.deepEqual(await idsOf(page), { ...before, userId: "ada" });
  await page.evaluate(() => window.selvedge.reset());
  const after = await idsOf(page);
  assert.equal(after.userId, null);
  assert.notEqual(after.anonymousId, before.anonymousId);
  await track(page, "After Log-out", 1);
  await flushed(page);
  const [event] = await stored(collector, `anonymous_id:${after.anonymousId}`, 1);
  assert.equal(event.userId, null);
  assert.deepEqual((await collector.events("user_id:ada")).map(({ type }) => type), ["identify"]);
});

test("another user on the same device starts with an anonymous id of their own", async (t) => {
  const { collector, site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  await flushed(page);
  const first = await idsOf(page);
  await page.evaluate(() => {
    window.selvedge.identify("ada");
    window.selvedge.identify("grace");
  });
  await flushed(page);
  const second = await idsOf(page);
  assert.equal(second.userId, "grace");
  assert.notEqual(second.anonymousId, first.anonymousId);
  assert.equal((await stored(collector, "user_id:ada", 1)).length, 1);
  assert.equal((await stored(collector, "user_id:grace", 1)).length, 1);
});

test("page views count by themselves, also where a script changes the address", async (t) => {
  const { collector, site, visitor, tracker } = await set(t);
  site.put("/app", tracked(tracker, { attributes: "" }));
  const page = await visitor.open(`${site.url}/app`);
  // A view is counted a task after its address changed: one that is left sooner was not seen.
  await page.evaluate(async () => {
    const aTask = () => new Promise((resolve) => setTimeout(resolve));
    history.pushState({}, "", "/app/second");
    await aTask();
    history.replaceState({}, "", "/app/second?filter=red");
    await aTask();
    history.pushState({}, "", "/app/third");
    await aTask();
    const back = new Promise((resolve) => addEventListener("popstate", resolve, { once: true }));
    history.back();
    await back;
    await aTask();
  });
  await flushed(page);
  const events = await stored(collector, await anonymousOf(page), 4);
  assert.deepEqual(events.map(({ type, properties }) => `${type} ${properties.path}`), ["page /app", "page /app/second", "page /app/third", "page /app/second"]);
});

test("calls that a page queued before the script keep their order and their time", async (t) => {
  const { collector, site, visitor, tracker } = await set(t);
  const madeUnixMs = Date.now() - 60_000;
  const before = `window.selvedge = [[${madeUnixMs}, "track", "First", {n: 1}], [${madeUnixMs + 10}, "identify", "ada", {plan: "free"}], [${madeUnixMs + 20}, "track", "Second"]];
    window.reference = window.selvedge`;
  site.put("/early", tracked(tracker, { before }));
  const page = await visitor.open(`${site.url}/early`);
  await page.evaluate(() => window.reference.track("Third"));
  await flushed(page);
  const events = await stored(collector, "user_id:ada", 4);
  assert.deepEqual(events.map(({ type, event }) => event ?? type), ["First", "identify", "Second", "Third"]);
  for (const { time } of events.slice(0, 3)) assert.ok(Math.abs(Date.parse(time) - madeUnixMs) < 1_000, time);
  assert.equal((await collector.profile("user_id:ada")).traits.plan, "free");
});

test("no call throws, whatever it is given", async (t) => {
  const { site, visitor } = await set(t);
  const page = await visitor.open(`${site.url}/`);
  const outcome = await page.evaluate(async () => {
    const circular = {};
    circular.self = circular;
    const hostile = { get trap() { throw new Error("no"); } };
    const drops = [];
    window.selvedge.on("drop", ({ code }) => drops.push(code));
    for (const value of [circular, hostile, { big: 1n }]) window.selvedge.track("Unreadable", value);
    for (const value of [undefined, null, NaN, "", "\u0000\u001c\u001e\ud800", Symbol.iterator, () => {}, document.body, []]) {
      window.selvedge.track(value, value);
      window.selvedge.identify(value, value);
      window.selvedge.page(value, value);
      window.selvedge.group(value, value);
      window.selvedge.alias(value, value);
    }
    await window.selvedge.flush();
    return drops;
  });
  assert.deepEqual(outcome.slice(0, 3), ["bad_value", "bad_value", "bad_value"]);
  await track(page, "Still Here", 1);
  await flushed(page);
});

test("under a policy without 'wasm-unsafe-eval' nothing is thrown, and events wait for a page that may send", async (t) => {
  const { collector, site, visitor, tracker } = await set(t);
  const policy = `default-src 'none'; script-src 'unsafe-inline' ${tracker.host}; connect-src ${tracker.host}; img-src data:`;
  site.put("/strict", tracked(tracker), { "content-security-policy": policy });
  const page = await visitor.open(`${site.url}/strict`);
  await track(page, "Strict", 3);
  await flushed(page);
  await until("they are in storage", async () => (await storedIn(page)).some(([, text]) => text.includes("Strict")));
  await page.goto(`${site.url}/`);
  await flushed(page);
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 3), "Strict"), upTo(3));
});

test("the npm module works in a page", async (t) => {
  const { collector, site, visitor, tracker } = await set(t);
  site.put(
    "/module",
    `<!doctype html><html lang="en"><head><title>Module</title><link rel="icon" href="data:,"></head><body><script type="module">
      import { load } from "/index.js";
      window.selvedge = load(${JSON.stringify(tracker)});
      window.again = load(${JSON.stringify(tracker)});
    </script></body></html>`,
  );
  const page = await visitor.open(`${site.url}/module`);
  assert.ok(await page.evaluate(() => window.again === window.selvedge));
  await track(page, "From A Module", 2);
  await flushed(page);
  assert.deepEqual(numbersOf(await stored(collector, await anonymousOf(page), 2), "From A Module"), upTo(2));
});

test("on a server, importing does nothing and calls do nothing", async () => {
  const { load } = await import(MODULE.href);
  const tracker = load({ writeKey: "pk_none", host: "http://127.0.0.1:9" });
  tracker.track("Nowhere");
  await tracker.flush();
  assert.deepEqual(tracker.ids(), { anonymousId: null, userId: null, sessionId: null });
});

test("the package names files that are there, with their types", async () => {
  const folder = new URL("../../sdk-wasm/js/", import.meta.url);
  const { exports, types } = JSON.parse(await readFile(new URL("package.json", folder), "utf8"));
  const named = [types, ...Object.values(exports).flatMap((target) => (typeof target === "string" ? target : Object.values(target)))];
  for (const file of named) assert.ok((await readFile(new URL(file, folder))).length, file);
  assert.match(await readFile(new URL(types, folder), "utf8"), /export declare function load\(options: Options\): Selvedge/);
});

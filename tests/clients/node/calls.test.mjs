/** Every call of Segment's Node client arrives, once, as the client was told to send it. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { Analytics } from "@segment/analytics-node";

import { startCollector } from "../../browser/collector.mjs";
import { overTheWire, storedEvents } from "./stored.mjs";
import { openWire } from "./wire.mjs";

describe("Segment's Node client", () => {
  /** @type {import("../../browser/collector.mjs").Collector} */
  let collector;
  before(async () => void (collector = await startCollector()));
  after(() => collector.stop());

  test("each kind of call arrives once, with all that it was told", async () => {
    const userId = `ada-${randomUUID()}`;
    const calls = callsOf(userId);
    await sending(collector.url, collector.publicKey, (analytics) => {
      for (const [kind, told] of calls) analytics[kind](structuredClone(told));
    });
    const { events } = await storedEvents(collector, `user_id:${userId}`);
    assert.deepEqual(events.map(({ type }) => type), calls.map(([kind]) => kind));
    for (const [place, [, told]] of calls.entries()) holdsAllOf(events[place], told);
  });

  test("the stored message is the sent one, byte for byte", async () => {
    const userId = `bytes-${randomUUID()}`;
    const wire = await openWire(collector.url);
    await sending(wire.url, collector.publicKey, (analytics) => {
      for (const [kind, told] of callsOf(userId)) analytics[kind](structuredClone(told));
    });
    await wire.close();
    const sent = wire.passed.flatMap(({ body }) => JSON.parse(body).batch);
    const { events, text } = await storedEvents(collector, `user_id:${userId}`);
    assert.equal(sent.length, events.length);
    for (const event of sent) assert.ok(text.includes(`"raw":${JSON.stringify(event)}`), `not in the answer: ${JSON.stringify(event)}`);
  });

  test("a call without a time or a messageId gets both, and keeps the client's", async () => {
    const anonymousId = randomUUID();
    const begun = Date.now();
    await sending(collector.url, collector.publicKey, (analytics) => analytics.track({ anonymousId, event: "Seen" }));
    const { events } = await storedEvents(collector, `anonymous_id:${anonymousId}`);
    assert.equal(events.length, 1);
    assert.equal(events[0].messageId, events[0].raw.messageId);
    assert.ok(Date.parse(events[0].time) >= begun - 1 && Date.parse(events[0].time) <= Date.now());
  });

  test("three hundred calls in batches of fifteen arrive once, in the order of the calls", async () => {
    const userId = `many-${randomUUID()}`;
    await sending(collector.url, collector.publicKey, (analytics) => {
      for (let step = 0; step < 300; step++) {
        analytics.track({ userId, event: "Step", properties: { step }, timestamp: new Date(Date.now() - 60_000 + step) });
      }
    });
    const { events } = await storedEvents(collector, `user_id:${userId}`);
    assert.deepEqual(events.map(({ properties }) => properties.step), Array.from({ length: 300 }, (_, step) => step));
  });

  test("a visitor who logs in, and a browser that an alias names, are one person", async () => {
    const [browser, phone, userId] = [randomUUID(), randomUUID(), `login-${randomUUID()}`];
    await sending(collector.url, collector.publicKey, (analytics) => {
      analytics.track({ anonymousId: browser, event: "Looked" });
      analytics.identify({ anonymousId: browser, userId, traits: { email: `${userId}@example.com`, plan: null } });
      analytics.track({ anonymousId: phone, event: "Looked again" });
      analytics.alias({ previousId: phone, userId });
    });
    const profile = await collector.profile(`email:${userId}@example.com`);
    const names = profile.identifiers.map(({ kind, value }) => `${kind}:${value}`).sort();
    assert.deepEqual(names, [`anonymous_id:${browser}`, `anonymous_id:${phone}`, `email:${userId}@example.com`, `user_id:${userId}`].sort());
    assert.equal(profile.event_count, 4);
  });
});

/** Every call there is, with all that JSON can say. The client writes into what it is given: each call gets a copy. */
function callsOf(userId) {
  const anonymousId = randomUUID();
  const timestamp = (seconds) => new Date(Math.floor(Date.now() / 1000) * 1000 - 3 * 86_400_000 + seconds * 1000 + 123);
  const context = { ip: "203.0.113.7", locale: "de-DE", page: { path: "/kasse", title: "Ж €" }, campaign: { name: "été" }, traits: { plan: "stale" } };
  return [
    ["identify", { userId, anonymousId, traits: { email: `${userId}@example.com`, name: "Zoë 🧵", age: 41, vip: true, left: null, address: { city: "Köln" } }, context, timestamp: timestamp(1), messageId: randomUUID() }],
    ["track", { userId, anonymousId, event: "Order Completed 🛒", properties: everyValue(), context, timestamp: timestamp(2), messageId: randomUUID(), integrations: { All: false, Mixpanel: true } }],
    ["page", { userId, anonymousId, category: "Docs", name: "Größen", properties: { url: "https://shop.example/größen?a=1&b=2", "": "an empty name" }, context, timestamp: timestamp(3), messageId: randomUUID() }],
    ["screen", { userId, anonymousId, name: "Cart", properties: { items: [] }, context, timestamp: timestamp(4), messageId: randomUUID() }],
    ["group", { userId, anonymousId, groupId: "0", traits: { name: "Weavers", employees: 12, email: "office@weavers.example" }, context, timestamp: timestamp(5), messageId: randomUUID() }],
    ["alias", { userId, previousId: anonymousId, context, timestamp: timestamp(6), messageId: randomUUID() }],
  ];
}

function everyValue() {
  return {
    nested: { deeper: { deepest: [1, [2, [3, { four: 4 }]]] }, empty: {}, none: [] },
    numbers: [0, -0.5, 1e21, 5e-324, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, 2 ** 64, 0.1 + 0.2],
    texts: ["", " ", "\0", "\u2028\u2029", 'quote " backslash \\ slash /', "tab\tline\n", "漢字", "👩‍👩‍👧", "e\u0301", "</script>"],
    truths: [true, false, null],
    at: new Date(0),
    "key.with.dots": 1,
    $special: { __proto: 1, constructor: 2 },
    "ключ": "значение",
    long: "x".repeat(8_000),
  };
}

/** Whether an event that was read holds everything that its call was told. */
function holdsAllOf(event, told) {
  const { context, timestamp, integrations, ...parts } = overTheWire(told);
  for (const [name, value] of Object.entries(parts)) {
    const raw = event.raw[name];
    // A page's category is said twice by this client.
    if (name === "properties" && told.category) assert.deepEqual(raw, { ...value, category: told.category });
    else assert.deepEqual(raw, value, name);
    if (name in event) assert.deepEqual(event[name], raw, name);
  }
  const { library, ...said } = event.context;
  assert.deepEqual(said, context);
  assert.equal(library.name, "@segment/analytics-node");
  assert.equal(event.time, timestamp);
  if (integrations) assert.deepEqual(event.raw.integrations, integrations);
}

/** A client at its defaults, until all that it was told is answered. Fails if one call was not delivered. */
async function sending(host, writeKey, calls) {
  const analytics = new Analytics({ writeKey, host });
  const failures = [];
  analytics.on("error", (error) => failures.push(error));
  calls(analytics);
  await analytics.closeAndFlush();
  assert.deepEqual(failures, []);
}

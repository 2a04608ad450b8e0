/** What Segment's Node client does when answers are lost or refused, and what the collector then holds. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { Analytics } from "@segment/analytics-node";

import { startCollector } from "../../browser/collector.mjs";
import { storedEvents } from "./stored.mjs";
import { openWire } from "./wire.mjs";

describe("Segment's Node client on a bad wire", () => {
  /** @type {import("../../browser/collector.mjs").Collector} */
  let collector;
  before(async () => void (collector = await startCollector()));
  after(() => collector.stop());

  test("a batch whose answer was lost is sent again and stored once", async () => {
    const userId = `retry-${randomUUID()}`;
    const wire = await openWire(collector.url, { loses: 2 });
    const failures = await track(wire.url, collector.publicKey, userId, 10);
    await wire.close();
    assert.deepEqual(failures, []);
    assert.deepEqual(wire.passed.map(({ answered }) => answered), [null, null, 200]);
    assert.deepEqual(wire.passed.map(({ headers }) => headers["x-retry-count"]), [undefined, "1", "2"]);
    const { events } = await storedEvents(collector, `user_id:${userId}`);
    assert.deepEqual(events.map(({ properties }) => properties.step), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("an unknown key is answered once, and the client gives up rather than hammer", async () => {
    const userId = `refused-${randomUUID()}`;
    const wire = await openWire(collector.url);
    const failures = await track(wire.url, "pk_unknown", userId, 3);
    await wire.close();
    assert.deepEqual(wire.passed.map(({ answered }) => answered), [401]);
    assert.equal(failures.length, 3);
    assert.deepEqual((await storedEvents(collector, `user_id:${userId}`)).events, []);
  });

  test("a batch with a call that the collector refuses is settled at once, and its neighbours are stored", async () => {
    const userId = `neighbours-${randomUUID()}`;
    const wire = await openWire(collector.url);
    const analytics = new Analytics({ writeKey: collector.publicKey, host: wire.url });
    for (let step = 0; step < 5; step++) analytics.track({ userId, event: step === 2 ? "x".repeat(201) : "Step", properties: { step } });
    await analytics.closeAndFlush();
    await wire.close();
    assert.deepEqual(wire.passed.map(({ answered }) => answered), [200]);
    const { events } = await storedEvents(collector, `user_id:${userId}`);
    assert.deepEqual(events.map(({ properties }) => properties.step).sort(), [0, 1, 3, 4]);
  });
});

/** What failed of so many calls of a client at its defaults. */
async function track(host, writeKey, userId, count) {
  const analytics = new Analytics({ writeKey, host });
  const failures = [];
  analytics.on("error", (error) => failures.push(error));
  for (let step = 0; step < count; step++) {
    analytics.track({ userId, event: "Step", properties: { step }, timestamp: new Date(Date.now() - 60_000 + step) });
  }
  await analytics.closeAndFlush();
  return failures;
}

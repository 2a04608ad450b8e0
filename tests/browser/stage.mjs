/** What a test needs to begin: a collector, the network before it, a site with tracked pages, and a visitor. */

import assert from "node:assert/strict";
import { after } from "node:test";
import { chromium } from "playwright-core";
import { startCollector } from "./collector.mjs";
import { openDoorway } from "./doorway.mjs";
import { openSite, PLAIN, tracked } from "./site.mjs";
import { until } from "./wait.mjs";

/**
 * Everything stops when the test ends, and the test fails if any page saw an exception.
 * The site has `/` (tracked, no page views by themselves) and `/plain`.
 * @param {import("node:test").TestContext} t
 */
export async function set(t) {
  const collector = await startCollector();
  const doorway = await openDoorway(collector.url);
  const site = await openSite();
  const visitor = await newVisitor();
  const tracker = { host: doorway.url, writeKey: collector.publicKey };
  site.put("/", tracked(tracker));
  site.put("/plain", PLAIN);
  t.after(async () => {
    await visitor.leave();
    await site.close();
    await doorway.close();
    await collector.stop();
    assert.deepEqual(visitor.errors, [], "exceptions in the page");
  });
  return { collector, doorway, site, visitor, tracker };
}

/** A person with a browser of their own. */
export async function newVisitor() {
  const context = await (await browser()).newContext();
  /** @type {string[]} */
  const errors = [];
  context.on("weberror", (error) => errors.push(String(error.error())));
  return {
    context,
    errors,
    /** Opens a page in a new tab. @param {string} url */
    async open(url) {
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
    /** Opens a page in a tab that its own scripts may close. @param {string} plainUrl @param {string} url */
    async openClosable(plainUrl, url) {
      const opener = await this.open(plainUrl);
      const opened = opener.waitForEvent("popup");
      await opener.evaluate((url) => void window.open(url), url);
      const page = await opened;
      await page.waitForLoadState("load");
      return page;
    },
    leave: () => context.close(),
  };
}

/** Resolves when the tracker's core runs and all that waited is answered. @param {import("playwright-core").Page} page */
export function flushed(page) {
  return page.evaluate(() => window.selvedge.flush());
}

/**
 * Waits until a person has that many events, and returns them all, oldest first.
 * @param {import("./collector.mjs").Collector} collector
 * @param {string} identifier `kind:value`
 */
export function stored(collector, identifier, count) {
  return until(`${count} events of ${identifier} are stored`, async () => {
    const events = await collector.events(identifier);
    return events.length >= count && events;
  });
}

/** @param {import("playwright-core").Page} page */
export async function anonymousOf(page) {
  return `anonymous_id:${(await idsOf(page)).anonymousId}`;
}

/** @param {import("playwright-core").Page} page */
export function idsOf(page) {
  return page.evaluate(() => window.selvedge.ids());
}

/**
 * Opens a tab; resolves when its core runs and has stored who speaks. Tabs that begin at once on a first visit speak
 * under two names for a moment; one that begins after this speaks as the others.
 * @param {Awaited<ReturnType<typeof newVisitor>>} visitor
 * @param {string} url
 */
export async function openSettled(visitor, url) {
  const page = await visitor.open(url);
  await settled(page);
  return page;
}

/** See {@link openSettled}. @param {import("playwright-core").Page} page */
export async function settled(page) {
  await flushed(page);
  await until("it is stored who speaks", async () => (await storedIn(page)).some(([key]) => key === "selvedge.identity"));
}

/**
 * Tracks `count` events named `name`, numbered from `first`, in one task.
 * @param {import("playwright-core").Page} page
 */
export function track(page, name, count, first = 0) {
  return page.evaluate(
    ([name, count, first]) => {
      for (let n = first; n < first + count; n++) window.selvedge.track(name, { n });
    },
    [name, count, first],
  );
}

/** The numbers of {@link track} among stored events, sorted. @param {import("./collector.mjs").StoredEvent[]} events */
export function numbersOf(events, name) {
  return events.filter(({ event }) => event === name).map(({ properties }) => Number(properties.n)).sort((a, b) => a - b);
}

/** Of events as they passed the doorway, or are stored. @param {{messageId: string}[]} events */
export function assertNoneTwice(events) {
  assert.equal(new Set(events.map(({ messageId }) => messageId)).size, events.length, "sent twice");
}

/** 0, 1, 2, … */
export function upTo(count) {
  return Array.from({ length: count }, (_, n) => n);
}

/** All that the tracker keeps: its entries' names and texts. @param {import("playwright-core").Page} page @returns {Promise<[string, string][]>} */
export function storedIn(page) {
  return page.evaluate(() => Object.entries({ ...localStorage }).filter(([key]) => key.startsWith("selvedge.")));
}

/** @type {Promise<import("playwright-core").Browser> | undefined} */
let running;

/** One for all tests of a file; its contexts share nothing. */
function browser() {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) throw new Error("CHROMIUM names no browser: run these tests by `cargo xtask test`");
  running ??= chromium.launch({ executablePath, args: FLAGS, ignoreDefaultArgs: KEPT_OUT });
  return running;
}

after(async () => (await running)?.close());

/** No sandbox, so that it also starts in containers; no traffic of its own. */
export const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** Visitors go back to pages that were kept as they were: Playwright would switch that off. */
const KEPT_OUT = ["--disable-back-forward-cache"];

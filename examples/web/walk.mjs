/**
 * Walks through the shop as a visitor does, then asks the upstream collector whether all of it arrived, once.
 * `cargo xtask demo --check` runs it in `tests/browser`, whose playwright-core it uses.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setTimeout as pause } from "node:timers/promises";

const { SHOP_URL, CHROMIUM, SCREENSHOTS, UPSTREAM_URL, UPSTREAM_KEY } = process.env;
const { chromium } = createRequire(pathToFileURL(join(process.cwd(), "package.json")))("playwright-core");

/** What a busy machine may need, builds beside it included. */
const PATIENCE_MS = 30_000;
const POLL_MS = 50;

/** What the pages must have told, in order: the name of a track, else the type. */
const told = [];
let lastStepMs = performance.now();

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await visit();
  const events = await askUpstream();
  process.exitCode = print(events) && !page.errors.length ? 0 : 1;
  for (const error of page.errors) console.log(`  an exception in a page: ${error}`);
} catch (error) {
  console.log(`  ✗ ${error.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** The visit; returns what the pages threw. */
async function visit() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const errors = [];
  context.on("weberror", (error) => errors.push(error.error().message));
  const page = await context.newPage();

  await page.goto(SHOP_URL);
  told.push("page");
  await page.waitForFunction(() => window.selvedge.ids?.().anonymousId, undefined, { timeout: PATIENCE_MS });
  await page.screenshot({ path: join(SCREENSHOTS, "shop.png") });
  done("opened the shop");

  await page.getByRole("link", { name: "Natural linen" }).click();
  await page.waitForURL("**/product.html?id=linen");
  await page.waitForLoadState();
  await page.getByRole("link", { name: "Cloths" }).click();
  await page.waitForURL("**/index.html");
  await page.getByRole("link", { name: "Sashiko" }).click();
  await page.waitForURL("**/product.html?id=sashiko");
  await page.waitForLoadState();
  told.push("page", "Product Viewed", "page", "page", "Product Viewed");
  await page.screenshot({ path: join(SCREENSHOTS, "product.png") });
  done("looked at three pages more");

  await context.setOffline(true);
  await page.getByRole("button", { name: "Add to basket" }).click();
  await page.getByText("2 m of Sashiko in your basket").waitFor({ timeout: PATIENCE_MS });
  told.push("Product Added");
  await page.getByText("Selvedge", { exact: true }).click();
  await page.getByRole("button", { name: "Send now" }).click();
  await page.getByText("all of it waits in your browser").waitFor({ timeout: PATIENCE_MS });
  await page.screenshot({ path: join(SCREENSHOTS, "offline.png") });
  done("cut the network and put a cloth in the basket");

  await context.setOffline(false);
  await page.getByRole("link", { name: "Account" }).click();
  await page.waitForURL("**/account.html");
  told.push("page");
  done("mended the network and opened the account");

  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("You are logged in as ada").waitFor({ timeout: PATIENCE_MS });
  told.push("identify");
  await page.screenshot({ path: join(SCREENSHOTS, "account.png") });
  done("logged in as ada");
  return { errors };
}

/** Asks until ada has as many events as the pages told, and she is known by what the pages knew of her. */
async function askUpstream() {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const events = (await read("/events?limit=500"))?.events ?? [];
    if (events.length >= told.length || performance.now() > deadline) return events.reverse();
    await pause(POLL_MS);
  }
}

async function read(part) {
  const response = await fetch(`${UPSTREAM_URL}/v1/profiles/user_id:ada${part}`, { headers: { authorization: `Bearer ${UPSTREAM_KEY}` } });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the upstream answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** True if the upstream's events are those that the pages told, each once. */
function print(events) {
  done(`the upstream has ${events.length} of ${told.length} events of user_id:ada`);
  for (const { time, userId, event, type, context, properties } of events) {
    console.log(`      ${time}  ${(userId ?? "anonymous").padEnd(9)}  ${event ?? type}  ${properties?.name ?? context.page.path}`);
  }
  const names = events.map(({ event, type }) => event ?? type);
  const isSame = JSON.stringify(names.toSorted()) === JSON.stringify(told.toSorted());
  const isOnce = new Set(events.map(({ messageId }) => messageId)).size === events.length;
  if (!isSame) console.log(`  ✗ expected ${told.join(", ")}`);
  if (!isOnce) console.log("  ✗ an event is there twice");
  return isSame && isOnce;
}

function done(step) {
  const nowMs = performance.now();
  console.log(`  ✓ ${step}  ${Math.round(nowMs - lastStepMs)} ms`);
  lastStepMs = nowMs;
}

// Sends events from a server: plain fetch, no package. Node 20 or later.
//   SELVEDGE_URL=http://127.0.0.1:8787 SELVEDGE_KEY=sk_… node send.mjs

const url = process.env.SELVEDGE_URL ?? "http://127.0.0.1:8787";
const key = process.env.SELVEDGE_KEY;
if (!key) throw new Error("set SELVEDGE_KEY to a secret key (sk_…)");

/** Sends a batch until it is settled; gives the receipt. What was refused for good is in `rejected`. */
async function send(batch, tries = 5) {
  const body = JSON.stringify({ batch, sentAt: new Date().toISOString() });
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${url}/v1/batch`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body,
      redirect: "error",
      signal: AbortSignal.timeout(30_000),
    }).catch((failure) => failure);
    if (response.status === 200) return response.json();
    const isWorthAnother = !response.status || response.status === 429 || response.status === 408 || response.status >= 500;
    if (!isWorthAnother) throw new Error(await response.text());
    if (attempt === tries) throw new Error(`no receipt after ${tries} tries`, { cause: response });
    const wishS = Number(response.headers?.get("retry-after")) || 0;
    await new Promise((done) => setTimeout(done, wishS ? wishS * 1_000 : Math.random() * 500 * 2 ** attempt));
  }
}

// A messageId of your own makes a resend harmless, also after a crash: the same id is the same event, for ever.
const receipt = await send([
  { type: "identify", messageId: "login-7002", userId: "u-7002", traits: { email: "alan@example.com", plan: "free" } },
  {
    type: "track",
    messageId: "order-32-paid",
    userId: "u-7002",
    event: "Order Completed",
    timestamp: new Date().toISOString(),
    properties: { order_id: "32", total: 29.5, currency: "EUR" },
  },
]);
for (const { messageId, code, reason } of receipt.rejected ?? []) console.error(`${messageId}: ${code}: ${reason}`);
console.log(`${receipt.accepted} stored, ${receipt.duplicates} stored before`);

const name = encodeURIComponent("alan@example.com");
const profile = await fetch(`${url}/v1/profiles/email:${name}`, { headers: { authorization: `Bearer ${key}` } });
console.log(await profile.text());

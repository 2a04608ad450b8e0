// Receives the signed webhooks of a collector. Node 20 or later.
//   SELVEDGE_SECRET='…the destination's secret…' PORT=9000 node webhook.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.SELVEDGE_SECRET;
if (!secret) throw new Error("set SELVEDGE_SECRET to the secret of the destination");

/** Whether the body is the collector's, and recent: an old request cannot be played again. */
function isGenuine(headers, body) {
  const timestamp = headers["selvedge-timestamp"] ?? "";
  const expected = Buffer.from(`v1=${createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest("hex")}`);
  const given = Buffer.from(headers["selvedge-signature"] ?? "");
  const isRecent = Math.abs(Date.now() / 1_000 - Number(timestamp)) < 300;
  return isRecent && given.length === expected.length && timingSafeEqual(given, expected);
}

let lastApplied = 0; // Kept beside the profiles in earnest: who has applied a change skips it when it comes again.

const server = createServer(async (request, response) => {
  const chunks = await request.toArray();
  const body = Buffer.concat(chunks);
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
  const change = JSON.parse(body);
  if (change.change_seq > lastApplied) {
    lastApplied = change.change_seq;
    console.log(change.change_seq, change.type, change.profile?.id ?? `${change.from} -> ${change.into}`);
  }
  response.writeHead(200).end();
});
server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${server.address().port}`);
});

/** A wire to the collector that loses answers: what was sent arrives, and whoever sent it never learns. */

import { once } from "node:events";
import http from "node:http";

/**
 * @typedef {object} Passed one request that went over the wire
 * @property {string} path
 * @property {import("node:http").IncomingHttpHeaders} headers
 * @property {string} body
 * @property {number | null} answered the status that came back; null where the answer was lost
 */

/** @param {string} collector its address @param {{loses?: number}} options how many answers are lost, from the first on */
export async function openWire(collector, { loses = 0 } = {}) {
  /** @type {Passed[]} */
  const passed = [];
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { host, connection, "transfer-encoding": _, ...headers } = request.headers;
    const answer = await fetch(collector + request.url, { method: request.method, headers, body, redirect: "manual" });
    const text = await answer.text();
    const isLost = passed.length < loses;
    passed.push({ path: request.url, headers: request.headers, body: body.toString(), answered: isLost ? null : answer.status });
    if (isLost) response.destroy();
    else response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") }).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    passed,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

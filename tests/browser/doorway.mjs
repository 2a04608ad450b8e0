/**
 * Stands before a collector as the network does: hands on, holds back, cuts, answers in its place, and remembers
 * every event that passed. Unlike a browser's request interception it also sees what a closing page sends.
 */

import { once } from "node:events";
import http from "node:http";
import { gunzipSync } from "node:zlib";

/**
 * @typedef {object} Passed what went through to the collector
 * @property {number} atMs on the monotonic clock
 * @property {number} bytes as they came, compressed
 * @property {any[]} events
 */

/** @param {string} target the collector's address */
export async function openDoorway(target) {
  /** Answers instead of the collector. @type {((request: http.IncomingMessage, response: http.ServerResponse) => void) | undefined} */
  let standIn;
  /** @type {Map<string, Promise<void>>} */
  const held = new Map();
  /** @type {(batch: any) => void} */
  let rewrite = () => {};
  /** @type {Passed[]} */
  const passed = [];
  let refused = 0;

  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, target);
    const isBatch = pathname === BATCH_PATH;
    let body = await bodyOf(request);
    if (isBatch && standIn) {
      refused++;
      standIn(request, response);
      return;
    }
    if (isBatch) {
      const batch = JSON.parse(String(body[0] === GZIP_MAGIC ? gunzipSync(body) : body));
      passed.push({ atMs: performance.now(), bytes: body.length, events: batch.batch });
      rewrite(batch);
      body = Buffer.from(JSON.stringify(batch));
    } else await held.get(pathname);
    const answer = await passOn(target + request.url, request.method, body);
    if (!answer) {
      request.socket.destroy();
      return;
    }
    const { bytes } = answer;
    if (isBatch) await held.get(pathname);
    const kept = ["content-type", "cache-control", "access-control-allow-origin", "access-control-expose-headers", "retry-after"];
    for (const name of kept) if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name));
    response.writeHead(answer.status).end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${server.address().port}`,
    passed,
    /** What passed, in order, repetitions included. @returns {any[]} */
    events: () => passed.flatMap(({ events }) => events),
    /** How many batches did not get through. */
    refused: () => refused,
    /** Batches meet a dead connection. */
    cut() {
      standIn = (request) => request.socket.destroy();
    },
    /** Batches meet this answer. */
    answer(status, headers, text) {
      standIn = (_, response) => response.writeHead(status, { "access-control-allow-origin": "*", "access-control-expose-headers": "Retry-After", ...headers }).end(text);
    },
    /** Batches come through again. */
    mend() {
      standIn = undefined;
    },
    /** Changes each batch on its way. @param {(batch: any) => void} change */
    rewriting(change) {
      rewrite = change;
    },
    /** Holds the answers of a path back until the returned function is called. @param {string} path */
    hold(path) {
      let release;
      held.set(path, new Promise((resolve) => (release = resolve)));
      return release;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openDoorway>>} Doorway */

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const BATCH_PATH = "/v1/batch";
const GZIP_MAGIC = 31;

/** The collector's answer; nothing if it is gone, as at a test's end: the page meets a dead connection. */
async function passOn(url, method, body) {
  try {
    const answer = await fetch(url, { method, ...(body.length && { body }) });
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  } catch {
    return undefined;
  }
}

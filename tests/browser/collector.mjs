/** A real collector on a data directory of its own. */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * @typedef {object} StoredEvent
 * @property {string} messageId
 * @property {string} type
 * @property {string | null} event
 * @property {string} time
 * @property {string | null} userId
 * @property {string | null} anonymousId
 * @property {Record<string, unknown> | null} properties
 * @property {{page?: {path: string}, [part: string]: unknown} | null} context
 */

/** @param {string[]} flags of `selvedge serve`, beside those for address and data */
export async function startCollector(flags = []) {
  const binary = process.env.SELVEDGE_BIN;
  if (!binary) throw new Error("SELVEDGE_BIN names no collector: run these tests by `cargo xtask test`");
  const data = await mkdtemp(join(tmpdir(), "selvedge-browser-"));
  const child = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--data", data, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  const said = await readGreeting(child.stdout);
  if (!said) throw new Error(`the collector did not come up:\n${log}`);
  const reads = readsOf(said.listening, said.secret);
  return {
    url: said.listening,
    publicKey: said.public,
    secretKey: said.secret,
    ...reads,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true });
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof startCollector>>} Collector */

/** What a secret key may read of a collector. */
export function readsOf(url, secretKey) {
  const read = async (path) => {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${secretKey}` } });
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  return {
    /** @param {string} identifier `kind:value` */
    profile: (identifier) => read(`/v1/profiles/${identifier}`),
    /**
     * All events of a person, oldest first; none if the person is unknown.
     * @param {string} identifier `kind:value`
     * @returns {Promise<StoredEvent[]>}
     */
    async events(identifier) {
      const events = [];
      for (let cursor = ""; cursor !== null; ) {
        const page = await read(`/v1/profiles/${identifier}/events?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
        if (!page) return [];
        events.push(...page.events);
        cursor = page.next;
      }
      return events.reverse();
    },
  };
}

/** @returns {Promise<Record<"listening" | "public" | "secret" | "admin", string> | undefined>} undefined when it ended before it had said all */
async function readGreeting(stdout) {
  const said = {};
  const lines = createInterface({ input: stdout });
  for await (const line of lines) {
    const [word, value] = line.split(" ");
    said[word] = value;
    if (["listening", "public", "secret", "admin"].every((expected) => said[expected])) {
      // Leaving the loop closed the lines; a full pipe would stop the collector.
      stdout.resume();
      return said;
    }
  }
  return undefined;
}

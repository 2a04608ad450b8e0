/**
 * Sends a batch and says what came back. Knows HTTP and the browser's limits for a closing page;
 * decides nothing about trying again.
 */

import { gzip } from "./gzip.js";

export interface Upload {
  url: string;
  body: string;
  /** The page closes: only a request that outlives it counts. */
  closing: boolean;
}

/** What an upload came to. Status 0: no answer. */
export interface Outcome {
  status: number;
  /** Empty without `Retry-After`. */
  retryAfterS: string;
  /** What the collector said, if it was its JSON. */
  answer?: Answer;
}

interface Answer {
  receipt: string;
  rejected: Judged[];
  warnings: Judged[];
}

interface Judged {
  messageId: string;
  code: string;
}

/** Bytes that are on their way in requests that outlive the page. */
let outliving = 0;

/** Nothing when a closing page may not send that much. */
export function send(upload: Upload): Promise<Outcome> | undefined {
  const body = gzip(upload.body);
  const keepalive = outliving + body.length <= OUTLIVING_LIMIT_BYTES;
  if (upload.closing && !keepalive) return undefined;
  if (upload.closing && !("keepalive" in Request.prototype)) {
    // No answer will come, so the events stay stored; the collector knows them when they come again.
    return navigator.sendBeacon(upload.url, body) ? Promise.resolve(NO_ANSWER) : undefined;
  }
  const held = keepalive ? body.length : 0;
  outliving += held;
  return fetch(upload.url, {
    method: "POST",
    body,
    keepalive,
    // A "simple" request of the Fetch standard: no preflight, for which a closing page has no time.
    headers: { "content-type": "text/plain" },
    credentials: "omit",
    // Followed, a POST would arrive elsewhere as a GET.
    redirect: "error",
    signal: AbortSignal.timeout?.(TIMEOUT_MS) ?? null,
  })
    .then(read, () => NO_ANSWER)
    .finally(() => (outliving -= held));
}

async function read(response: Response): Promise<Outcome> {
  const text = await response.text().catch(() => "");
  const answer = parseAnswer(text);
  return { status: response.status, retryAfterS: retryAfterS(response), ...(answer && { answer }) };
}

/** Seconds from either form of the header (RFC 9110, 10.2.3). */
function retryAfterS(response: Response): string {
  const header = response.headers.get("retry-after");
  if (!header) return "";
  const seconds = Number(header);
  const wish = Number.isNaN(seconds) ? (Date.parse(header) - Date.now()) / 1_000 : seconds;
  return wish >= 0 ? String(Math.ceil(Math.min(wish, MAX_RETRY_AFTER_S))) : "";
}

/** A captive portal answers 200 with its own page: only the collector's shape is an answer. */
function parseAnswer(text: string): Answer | undefined {
  try {
    const { receipt, rejected, warnings } = JSON.parse(text) as Record<string, unknown>;
    return typeof receipt === "string" ? { receipt, rejected: judged(rejected), warnings: judged(warnings) } : undefined;
  } catch {
    return undefined;
  }
}

function judged(list: unknown): Judged[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: Partial<Judged> | null) => ({
    messageId: String(item?.messageId ?? ""),
    code: String(item?.code ?? ""),
  }));
}

const NO_ANSWER: Outcome = { status: 0, retryAfterS: "" };
/** The Fetch standard's bound on bodies that outlive their page, all of them together. */
const OUTLIVING_LIMIT_BYTES = 65_536;
/** Longer than the collector takes for any body that it accepts; a dead connection must not hold the queue. */
const TIMEOUT_MS = 30_000;
/** More than any core waits; keeps the number short. */
const MAX_RETRY_AFTER_S = 86_400;

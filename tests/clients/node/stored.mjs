/** What the collector stored of a person, read with its secret key. */

/**
 * @param {{url: string, secretKey: string}} collector
 * @param {string} identifier `kind:value`
 * @returns {Promise<{events: {raw: Record<string, unknown>, [part: string]: unknown}[], text: string}>} oldest first, and the answer's own text
 */
export async function storedEvents({ url, secretKey }, identifier) {
  const path = `/v1/profiles/${encodeURIComponent(identifier)}/events?raw=true&limit=500`;
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${secretKey}` } });
  if (response.status === 404) return { events: [], text: "" };
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${text}`);
  return { events: JSON.parse(text).events.reverse(), text };
}

/** What is left of a value on its way through JSON: dates are text, and what is undefined is gone. */
export const overTheWire = (value) => JSON.parse(JSON.stringify(value));

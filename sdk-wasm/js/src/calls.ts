/** Turns the API's calls into texts, at once: what a page changes in its objects later is not meant. */

import type { Properties, Selvedge } from "./api.js";
import type { Call } from "./buffer.js";
import { currentPage } from "./context.js";
import type { Notices } from "./notices.js";

type Calls = Pick<Selvedge, "track" | "identify" | "page" | "group" | "alias" | "reset">;

/** `now` gives the ms since 1970 at which a call counts as made. */
export function openCalls(take: (call: Call) => void, now: () => number, notices: Notices): Calls {
  const call = (type: string, name: unknown, properties: unknown, previousId?: unknown): void => {
    try {
      take([type, String(now()), nameText(name), json(properties), json({ page: currentPage() }), nameText(previousId)]);
    } catch (reason) {
      // Circular, a BigInt, a getter that throws: no text can be made of it.
      notices.complain("an event could not be read", reason);
      notices.notify("drop", { messageId: "", code: "bad_value" });
    }
  };
  return {
    track: (event, properties?: Properties) => call("track", event, properties),
    identify: (user?: unknown, traits?: Properties) => (isObject(user) ? call("identify", null, user) : call("identify", user, traits)),
    page(name?: unknown, properties?: Properties) {
      const [title, own] = isObject(name) ? [null, name] : [name, properties];
      call("page", title, { ...currentPage(), ...own });
    },
    group: (groupId, traits) => call("group", groupId, traits),
    alias: (userId, previousId) => call("alias", userId, null, previousId),
    reset: () => call("reset", null, null),
  };
}

function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null;
}

/** JSON text; empty for what is absent, or has no JSON. */
function json(value: unknown): string {
  return value == null ? "" : (JSON.stringify(value) ?? "");
}

/** Names and ids are texts, whatever the page has: the same id as a number is the same person. */
function nameText(value: unknown): string {
  return value == null ? "" : JSON.stringify(String(value));
}

"""Sends events from a server: the standard library alone. Python 3.9 or later.

SELVEDGE_URL=http://127.0.0.1:8787 SELVEDGE_KEY=sk_… python3 send.py
"""

import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

URL = os.environ.get("SELVEDGE_URL", "http://127.0.0.1:8787")
KEY = os.environ["SELVEDGE_KEY"]


def request(path, body=None):
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    return urllib.request.Request(URL + path, data=body, headers=headers)


def send(batch, tries=5):
    """Sends a batch until it is settled; gives the receipt. What was refused for good is in `rejected`."""
    body = json.dumps({"batch": batch, "sentAt": now()}).encode()
    for attempt in range(1, tries + 1):
        wish_s = None
        try:
            with urllib.request.urlopen(request("/v1/batch", body), timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code not in (408, 429) and refusal.code < 500:
                raise RuntimeError(refusal.read().decode()) from refusal
            wish_s = refusal.headers.get("retry-after")
        except OSError:
            pass  # No answer: what arrived is stored, and the same messageIds again change nothing.
        time.sleep(float(wish_s) if wish_s else random.uniform(0, 0.5 * 2**attempt))
    raise RuntimeError(f"no receipt after {tries} tries")


def now():
    return datetime.now(timezone.utc).isoformat()


if __name__ == "__main__":
    # A messageId of your own makes a resend harmless, also after a crash: the same id is the same event, for ever.
    receipt = send([
        {"type": "identify", "messageId": "login-7003", "userId": "u-7003",
         "traits": {"email": "edsger@example.com", "plan": "free"}},
        {"type": "track", "messageId": "order-33-paid", "userId": "u-7003", "event": "Order Completed",
         "timestamp": now(), "properties": {"order_id": "33", "total": 34, "currency": "EUR"}},
    ])
    for verdict in receipt.get("rejected", []):
        print(verdict["code"], verdict["reason"])
    print(f"{receipt['accepted']} stored, {receipt['duplicates']} stored before")

    name = urllib.parse.quote("edsger@example.com", safe="")
    with urllib.request.urlopen(request(f"/v1/profiles/email:{name}"), timeout=30) as answer:
        print(answer.read().decode())

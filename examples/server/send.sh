#!/bin/sh
# Sends events from a server with nothing but curl. SELVEDGE_URL and SELVEDGE_KEY (a secret key) come from outside.
set -eu
url="${SELVEDGE_URL:-http://127.0.0.1:8787}"
key="${SELVEDGE_KEY:?set SELVEDGE_KEY to a secret key (sk_…)}"

# The key is the user name of HTTP Basic; -K keeps it out of the list of processes.
post() {
  curl --silent --show-error --fail-with-body --retry 5 -K - --data-binary "$2" "$url$1" <<KEY
user = "$key:"
KEY
  echo
}

# A messageId of your own makes a resend harmless: the same id is the same event, for ever.
post /v1/identify '{"messageId": "login-7001", "userId": "u-7001",
  "traits": {"email": "grace@example.com", "plan": "pro"}}'

# Several at once, each judged by itself; `timestamp` says when it happened.
post /v1/batch '{"batch": [
  {"type": "track", "messageId": "order-31-paid", "userId": "u-7001", "event": "Order Completed",
   "timestamp": "2026-01-31T10:20:30Z", "properties": {"order_id": "31", "total": 59.5, "currency": "EUR"}},
  {"type": "track", "messageId": "order-31-sent", "userId": "u-7001", "event": "Order Shipped",
   "timestamp": "2026-02-01T08:00:00Z", "properties": {"order_id": "31"}}
]}'

# The profile by any identifier; percent-encode what a path cannot hold.
curl --silent --show-error --fail-with-body -K - "$url/v1/profiles/email:grace@example.com" <<KEY
user = "$key:"
KEY
echo

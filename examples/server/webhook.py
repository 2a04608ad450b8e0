"""Receives the signed webhooks of a collector: the standard library alone. Python 3.9 or later.

SELVEDGE_SECRET='…the destination's secret…' PORT=9000 python3 webhook.py
"""

import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["SELVEDGE_SECRET"].encode()


def is_genuine(headers, body):
    """Whether the body is the collector's, and recent: an old request cannot be played again."""
    timestamp = headers.get("selvedge-timestamp", "")
    expected = "v1=" + hmac.new(SECRET, timestamp.encode(errors="replace") + b"." + body, hashlib.sha256).hexdigest()
    given = headers.get("selvedge-signature", "").encode(errors="replace")
    is_moment = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    is_recent = is_moment and abs(time.time() - int(timestamp)) < 300
    return is_recent and hmac.compare_digest(expected.encode(), given)


class Receiver(BaseHTTPRequestHandler):
    last_applied = 0  # Kept beside the profiles in earnest: who has applied a change skips it when it comes again.

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_genuine(self.headers, body):
            return self.answer(401)
        change = json.loads(body)
        if change["change_seq"] > Receiver.last_applied:
            Receiver.last_applied = change["change_seq"]
            about = change.get("profile", {}).get("id") or f"{change['from']} -> {change['into']}"
            print(change["change_seq"], change["type"], about, flush=True)
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver)
    print(f"listening http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()

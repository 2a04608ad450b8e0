"""A wire to the collector that loses answers: what was sent arrives, and whoever sent it never learns."""

import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Optional


@dataclass
class Passed:
    """One request that went over the wire."""

    path: str
    headers: dict
    body: bytes
    # The status that came back; None where the answer was lost.
    answered: Optional[int]


class Wire:
    """Runs from `with` to its end; the first `loses` answers are lost."""

    def __init__(self, collector_url, loses=0):
        self.passed = []
        self._collector_url = collector_url
        self._loses = loses

    def __enter__(self):
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                wire._pass_on(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _pass_on(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_BY_HOP}
        status, answer = post(self._collector_url + handler.path, headers, body)
        is_lost = len(self.passed) < self._loses
        self.passed.append(Passed(handler.path, dict(handler.headers), body, None if is_lost else status))
        # Either way the connection ends, so that no client waits on it for what was lost.
        handler.close_connection = True
        if not is_lost:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(answer)))
            handler.send_header("Connection", "close")
            handler.end_headers()
            handler.wfile.write(answer)


def post(url, headers, body):
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


HOP_BY_HOP = {"host", "connection", "content-length", "accept-encoding"}

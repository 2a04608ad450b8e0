"""Collectors that a tracker can be pointed at: one that this process plays, and the real one."""

import contextlib
import gzip
import json
import os
import pathlib
import queue
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Far beyond what any of it takes on a busy machine.
PATIENCE_S = 30
PATIENCE_MS = PATIENCE_S * 1_000


class PlayedCollector:
    """Keeps every batch, and answers it with its receipt."""

    def __init__(self):
        self.batches = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.host = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_batch(self):
        """The next batch; waits for it."""
        return self.batches.get(timeout=PATIENCE_S)

    def _handler(self):
        batches = self.batches

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                batch = json.loads(gzip.decompress(body))
                batches.put(batch)
                answer = json.dumps(receipt(batch)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler


def receipt(batch):
    """What a collector says when all of it is stored."""
    return {
        "success": True,
        "accepted": len(batch["batch"]),
        "receipt": batch["batchId"],
        "receivedAt": "2026-01-01T00:00:00Z",
    }


class RealCollector:
    """`selvedge serve` in a process of its own, on loopback and an empty directory."""

    def __init__(self, directory):
        program = os.environ.get("SELVEDGE_BIN")
        if not program:
            raise RuntimeError("SELVEDGE_BIN names no collector: run `cargo xtask test`, or set it to the built binary")
        command = [program, "serve", "--listen", "127.0.0.1:0", "--data", str(directory)]
        self._log = open(pathlib.Path(directory) / "log", "w+", encoding="utf-8")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        # One that hangs before it prints is ended, and the test with it.
        watchdog = threading.Timer(PATIENCE_S, self._process.kill)
        watchdog.start()
        try:
            printed = dict(self._printed_line() for _ in range(4))
        except BaseException:
            self.__exit__()
            raise
        finally:
            watchdog.cancel()
        self.host, self.public_key, self._secret_key = (printed[name] for name in ("listening", "public", "secret"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def events_of(self, anonymous_id):
        """What the ledger holds of this device, newest first."""
        url = f"{self.host}/v1/profiles/anonymous_id:{anonymous_id}/events"
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {self._secret_key}"})
        with contextlib.closing(urllib.request.urlopen(request, timeout=PATIENCE_S)) as response:
            return json.load(response)["events"]

    def _printed_line(self):
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError(f"the collector ended before it listened: {self._log.read()}")
        name, value = line.split()
        return name, value

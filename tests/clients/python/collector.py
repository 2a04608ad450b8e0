"""A real collector on a data directory of its own, and what a secret key may read of it."""

import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request


class Collector:
    """Runs from `with` to its end, on a free port of loopback."""

    def __enter__(self):
        binary = os.environ.get("SELVEDGE_BIN")
        if not binary:
            raise RuntimeError("SELVEDGE_BIN names no collector: run these tests by `cargo xtask test`")
        self._data = tempfile.TemporaryDirectory(prefix="selvedge-clients-")
        # A file, not a pipe: nobody reads along, and a full pipe would stop the collector.
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--data", self._data.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.url = self._said("listening")
        self.public_key = self._said("public")
        self.secret_key = self._said("secret")
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._log.close()
        self._data.cleanup()

    def events(self, identifier):
        """All events of `kind:value`, oldest first, with the message as it came in `raw`; none of who is unknown."""
        answer = self._read(f"/v1/profiles/{urllib.parse.quote(identifier, safe='')}/events?raw=true&limit=500")
        return list(reversed(answer["events"])) if answer else []

    def profile(self, identifier):
        return self._read(f"/v1/profiles/{urllib.parse.quote(identifier, safe='')}")

    def _said(self, word):
        line = self._process.stdout.readline()
        if not line.startswith(word + " "):
            self._process.kill()
            self._log.seek(0)
            raise RuntimeError(f"the collector said {line!r}, not {word}: {self._log.read().decode()}")
        return line.split()[1]

    def _read(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.secret_key}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                # Whole numbers of any size are read as such.
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

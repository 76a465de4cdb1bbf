"""A server of the built book that compresses as a host of static pages does, and counts bytes."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

COMPRESSED = {".html", ".css", ".js", ".svg", ".json", ".txt"}
LEVEL = 6


@cache
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), LEVEL, mtime=0)


class GzipSite:
    """The address of a folder on this machine, and the bytes of body it has sent."""

    def __init__(self, folder: Path) -> None:
        self.sent: dict[str, int] = {}
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections stay open, as in real life

            def log_message(self, format: str, *args: Any) -> None:
                """Print nothing."""

            def do_GET(self) -> None:
                """Send a file, compressed if it is text, or 404."""
                name = self.path.split("?")[0].lstrip("/")
                path = folder / name
                if not path.is_file():
                    self.send_error(404)
                    return
                packed = path.suffix in COMPRESSED
                body = _packed(path) if packed else path.read_bytes()
                self.send_response(200)
                self.send_header("Content-Type", self.guess_type(path.name))
                self.send_header("Content-Length", str(len(body)))
                if packed:
                    self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(body)
                site.sent[name] = site.sent.get(name, 0) + len(body)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a browser may hang up early
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    @contextmanager
    def running(self) -> Iterator["GzipSite"]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        yield self
        self._server.shutdown()
        self._server.server_close()
        thread.join()

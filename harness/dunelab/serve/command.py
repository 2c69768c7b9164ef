# SPDX-License-Identifier: MIT
"""`serve [DIR]`: shows all runs to a browser on this machine; it only ever reads."""

import argparse
import contextlib
import errno
import mimetypes
import shutil
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from dunelab import paths
from dunelab.compare import guard
from dunelab.errors import DunelabError, UsageError
from dunelab.serve import catalog, overlay, pages
from dunelab.webpage.document import POLICY

HOST, PORT = "127.0.0.1", 8140
# What a run's directory holds was written by guests: it may be shown, not act.
_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_PAGE_POLICY = (POLICY + "; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
                "; sandbox allow-scripts allow-forms allow-downloads")
_REPORT_POLICY = POLICY + "; base-uri 'none'; sandbox allow-scripts allow-downloads"
_TYPES = {".html": "text/html; charset=utf-8", ".svg": "image/svg+xml",
          ".csv": "text/csv; charset=utf-8", ".json": "application/json"}

_EPILOG = """
examples:
  dunelab serve                      all runs below results/
  dunelab serve results/base --port 0    a free port is chosen and printed
"""


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; everything else is refused by the base class."""

    server_version, sys_version = "dunelab", ""
    begun = False           # whether an answer's head has gone out

    def do_GET(self):       # pylint: disable=invalid-name
        """Answer; what went wrong is a page, too."""
        self.begun = False
        with contextlib.suppress(ConnectionError):
            try:
                self._answer()
            except DunelabError as error:
                self._wrong(400, "Not possible", str(error))
            except Exception as error:      # pylint: disable=broad-exception-caught
                # Files that are not what a run leaves; the next page may be fine.
                line = " ".join(f"{type(error).__name__}: {error}".split())
                self._wrong(500, "Not readable", line)

    do_HEAD = do_GET

    def _wrong(self, status, title, text):
        if self.begun:
            # A second answer would be part of the first; an end too early is seen.
            self.close_connection = True
        else:
            self._page(status, pages.message(title, text))

    def end_headers(self):
        """The base class's; from here on there is no other answer."""
        self.begun = True
        super().end_headers()

    def _answer(self):
        # Another site's name that points here (DNS rebinding) gets nothing.
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        if host not in (HOST, "localhost"):
            self._page(403, pages.message("Refused", f"ask for http://{HOST}:"
                                          f"{self.server.server_port}/"))
            return
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if parts.path == "/":
            chosen = {name: query[name][0] for name in catalog.FILTERS if name in query}
            self._page(200, pages.index(self.server.root, catalog.entries(self.server.root),
                                        chosen))
        elif parts.path == "/over":
            self._over(query)
        elif parts.path.startswith("/run/"):
            self._file(parts.path[len("/run/"):])
        else:
            self._page(404, pages.message("Not found", "there is no such page"))

    def _over(self, query):
        known = [entry.key for entry in reversed(catalog.entries(self.server.root))]
        keys = [key for key in known if key in query.get("run", [])]
        allowed = [word for word in query.get("allow", []) if word in guard.ALLOWED]
        if len(keys) != 2:
            raise UsageError("mark two runs of the list, no more and no fewer")
        try:
            found = overlay.lay(*(self.server.root / key for key in keys), allowed)
        except UsageError as error:
            self._page(409, pages.refused(str(error), keys, allowed))
            return
        self._page(200, pages.over(found, keys))

    def _file(self, quoted):
        path = inside(self.server.root, unquote(quoted))
        if path is None:
            self._page(404, pages.message("Not found", "there is no such file"))
        elif path.is_dir() and not quoted.endswith("/"):
            # Links of a directory's page are relative to it.
            self.send_response(301)
            self.send_header("Location", f"/run/{quoted}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path.is_dir():
            names = sorted(item.name + ("/" if item.is_dir() else "") for item in path.iterdir()
                           if not item.name.startswith("."))
            self._page(200, pages.directory(path.relative_to(self.server.root).as_posix(), names))
        else:
            self._send_file(path)

    def _send_file(self, path):
        report = path.name == "index.html" and path.parent.name == "report"
        # Any other HTML is text: no report of ours.
        kind = _TYPES.get(path.suffix) if path.suffix != ".html" or report else None
        guessed = mimetypes.guess_type(path.name)[0] or ""
        kind = kind or (guessed if guessed.startswith("image/") else "text/plain; charset=utf-8")
        with open(path, "rb") as file:
            self._head(200, kind, path.stat().st_size, _REPORT_POLICY if report else _FILE_POLICY)
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    def _page(self, status, text):
        data = text.encode("utf-8", "replace")
        self._head(status, "text/html; charset=utf-8", len(data), _PAGE_POLICY)
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, status, kind, size, policy):
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(size)),
                            ("Content-Security-Policy", policy), ("Cache-Control", "no-store"),
                            ("X-Content-Type-Options", "nosniff"),
                            ("Referrer-Policy", "no-referrer")):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format, *args):   # pylint: disable=redefined-builtin
        """Nothing: the terminal is the user's."""


def inside(root, text):
    """The existing file or directory at a path below the root, or None: for one that is not there,
    is hidden, or leads outside, by dots or by links."""
    parts = [part for part in text.split("/") if part]
    if not parts or "\0" in text or any(part.startswith(".") for part in parts):
        return None
    try:
        path = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    if not path.is_relative_to(root) or not (path.is_file() or path.is_dir()):
        return None
    return path


def make_server(root, port):
    """A server of the runs below a directory; port 0 takes a free one. UsageError."""
    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OverflowError:
        raise UsageError(f"--port {port}: want 0 to 65535") from None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "in use" if error.errno == errno.EADDRINUSE else "for root alone"
        raise UsageError(f"port {port} is {why}: choose another with --port, or --port 0") from None
    server.daemon_threads = True
    server.root = root.resolve()
    return server


def main(argv):
    """The command; returns 0 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="dunelab serve", description="Show all runs below a directory to a browser on this "
        "machine: filter them, read their reports, lay two over each other. It only reads.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, nargs="?", default=paths.root() / "results",
                        help="default results/")
    parser.add_argument("--port", type=int, default=PORT, metavar="N",
                        help=f"of {HOST}; 0 takes a free one (default {PORT})")
    args = parser.parse_args(argv)
    if not args.directory.is_dir():
        raise UsageError(f"{args.directory} is no directory: want one with runs, such as results/")
    # A shell ignores it in what it starts in the background; who sends it means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with make_server(args.directory, args.port) as server:
        try:
            print(f"http://{HOST}:{server.server_port}/  (Ctrl-C ends it)", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0

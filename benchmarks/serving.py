"""Servers in processes of their own, for what is measured from outside: `python -m benchmarks.serving NAME …`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator import Platform
from abeja_emulator.server import Server
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.store.blobs import BlobSpool
    from abeja_emulator.wire.messages import Request

#: Files of one dataset, and bytes of each.
FILES = 1_000
SIZE = 100_000


class Canned:
    """An application that looks at nothing and always says the same."""

    def __init__(self, platform: Platform, body: bytes) -> None:
        self.spool: Callable[[], BlobSpool] = platform.spool
        self._body = body
        self._length = str(len(body))

    def handle(self, request: Request) -> Response:
        """Answer what is always answered."""
        del request
        headers = [("Content-Type", "application/json"), ("Content-Length", self._length)]
        return Response(200, headers, self._body)


class Static(SimpleHTTPRequestHandler):
    """Answers with the file whose name is the whole target, keeps connections and writes no log."""

    protocol_version = "HTTP/1.1"
    # As any server that answers programs: its default, a packet for each line of the head, is for browsers.
    wbufsize = -1
    disable_nagle_algorithm = True

    def translate_path(self, path: str) -> str:
        """Return where the answer to a target is."""
        return str(Path(self.directory) / file_name(path))

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
        """Write nothing."""


def file_name(target: str) -> str:
    """Return the name of the file that answers a target, whose query counts."""
    return urllib.parse.quote(target, safe="")


def serve_ours(*, files: bool) -> Iterator[dict[str, Any]]:
    """Serve a platform as `abeja-emulator serve` does: with a dataset of one item, or of all those files."""
    with Platform() as platform, Server(platform) as server:
        if files:
            channel = platform.seed.channel("files")
            uris = [f"datalake://{channel}/{platform.seed.file(channel, content(n))}" for n in range(FILES)]
        else:
            uris = ["datalake://1/2"]
        entries = [{"source_data": [{"data_uri": uri, "data_type": "text/plain"}]} for uri in uris]
        dataset = platform.seed.dataset(entries, props={"categories": []})
        yield {"url": server.url, "variables": server.variables(), "dataset": str(dataset)}


def serve_canned(body: str) -> Iterator[dict[str, Any]]:
    """Serve one answer to everything, by the same server."""
    with Platform() as platform, Loopback(Canned(platform, body.encode())) as loopback:
        yield {"url": loopback.url}


def serve_static(folder: str) -> Iterator[dict[str, Any]]:
    """Serve the files of a folder, by the server of the standard library."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Static, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {"url": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()
        thread.join()


def content(number: int) -> bytes:
    """Return the bytes of a file; no two are the same."""
    return number.to_bytes(4, "big") * (SIZE // 4)


def fetch(url: str) -> bytes:
    """Return what a server answers."""
    asked = urllib.request.Request(url, headers={"Authorization": "Bearer anything"})  # noqa: S310 - ours
    with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - ours
        body: bytes = answer.read()
    return body


@contextmanager
def running(*arguments: str) -> Iterator[dict[str, Any]]:
    """Run one of these servers in a process of its own, and give what it says of itself."""
    command = [sys.executable, "-m", "benchmarks.serving", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said: dict[str, Any] = json.loads(process.stdout.readline())
            yield said
        finally:
            process.stdin.close()


def main() -> None:
    """Serve until the input ends."""
    servers: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
        "one": partial(serve_ours, files=False),
        "files": partial(serve_ours, files=True),
        "canned": serve_canned,
        "static": serve_static,
    }
    name, *arguments = sys.argv[1:]
    for said in servers[name](*arguments):
        print(json.dumps(said), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

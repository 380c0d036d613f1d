"""What `--request` means, and how an answer is shown and kept."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.cli.asking import Answer, ask, document_of, keep_answer, read_asked, shown_body
from abeja_emulator.cli.exits import USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path("kept", "answer-1.json")


class TestAsked:
    """A file or JSON."""

    @pytest.mark.parametrize(
        ("name", "content_type"),
        [
            ("a.jpg", "image/jpeg"),
            ("a.json", "application/json"),
            ("a.csv", "text/csv"),
            ("a", "application/octet-stream"),
        ],
    )
    def test_a_file_is_of_the_type_that_its_name_says(self, tmp_path: Path, name: str, content_type: str) -> None:
        """Its bytes are not touched, and an option says another type."""
        (tmp_path / name).write_bytes(b"\xff\x00")
        asked = read_asked(str(tmp_path / name), None)
        assert (asked.body, asked.content_type) == (b"\xff\x00", content_type)
        assert read_asked(str(tmp_path / name), "text/x").content_type == "text/x"

    @pytest.mark.parametrize("text", ['{"a": "é"}', "[1]", "3", '"text"', "[" + "1, " * 5_000 + "1]"])
    def test_json_is_sent_as_it_is_written(self, text: str) -> None:
        """Also one that is longer than any name of a file."""
        asked = read_asked(text, None)
        assert (asked.body, asked.content_type) == (text.encode(), "application/json")
        assert len(asked.name) <= 61

    @pytest.mark.parametrize("text", ["nowhere.png", "{a: 1}", "", "\0"])
    def test_what_is_neither_is_refused(self, text: str) -> None:
        """It says what may stand there."""
        with pytest.raises(CommandError, match="is no file, and no JSON") as caught:
            read_asked(text, None)
        assert caught.value.code == USAGE


class TestShown:
    """The lines of a body."""

    def shown(self, body: bytes, content_type: str) -> list[str]:
        """Return the lines that are shown."""
        return shown_body(Answer(200, content_type, body, 0.5), FILE)

    def test_json_is_indented(self) -> None:
        """By its media type, whatever its parameters are; letters of all scripts are seen as they are."""
        shown = self.shown('{"a":["é"]}'.encode(), "Application/JSON; charset=utf-8")
        assert shown == ["{", '  "a": [', '    "é"', "  ]", "}"]

    def test_what_only_says_that_it_is_json_is_text(self) -> None:
        """As a list of a handler is, which the runtime writes line by line."""
        assert self.shown(b'{"a":1}\n{"a":2}', "application/json") == ['{"a":1}', '{"a":2}']

    def test_text(self) -> None:
        """It is shown as it is, also where its type does not say that it is text."""
        assert self.shown(b"a,b\r\n1,2\r\n", "application/octet-stream") == ["a,b", "1,2"]

    @pytest.mark.parametrize("body", [b"\xff\xd8\xff" * 500, b"PK\x03\x04"])
    def test_bytes_are_said_in_words(self, body: bytes) -> None:
        """Neither a terminal's codes nor other bytes get on a terminal."""
        (line,) = self.shown(body, "image/jpeg")
        assert line in {f"(1.5 kB that are no text, in {FILE})", f"(4 B that are no text, in {FILE})"}

    def test_nothing(self) -> None:
        """An empty body is said to be one."""
        assert self.shown(b"", "application/json") == ["(the answer is empty)"]

    @pytest.mark.parametrize("body", [b"line\n" * 1_000, b"x" * 100_000, json.dumps(list(range(1_000))).encode()])
    def test_a_long_one_is_cut(self, body: bytes) -> None:
        """By lines and by characters, and where all of it is, is said."""
        lines = self.shown(body, "application/json")
        assert len(lines) <= 41
        assert sum(map(len, lines)) < 2_200
        assert lines[-1].startswith("… (all of it, ")
        assert str(FILE) in lines[-1]


@pytest.mark.parametrize(
    ("content_type", "name"),
    [("application/json; charset=utf-8", "answer-3.json"), ("image/png", "answer-3.png"), ("", "answer-3.bin")],
)
def test_it_is_kept_under_a_name_of_its_type(tmp_path: Path, content_type: str, name: str) -> None:
    """All of it, in a folder that is made."""
    file = keep_answer(Answer(200, content_type, b"\x00body", 0.5), tmp_path / "new", 3)
    assert file == tmp_path / "new" / name
    assert file.read_bytes() == b"\x00body"


@pytest.mark.parametrize(
    ("content_type", "body", "content"),
    [("application/json", b"[1]", [1]), ("text/plain", b"[1]", "[1]"), ("image/png", b"\xff", None)],
)
def test_a_program_is_told_its_content(content_type: str, body: bytes, content: Any) -> None:
    """What JSON says, text, or null."""
    assert document_of(Answer(200, content_type, body, 0.5), FILE)["content"] == content


class _Failing(BaseHTTPRequestHandler):
    asked: list[tuple[str, str | None, bytes]]

    def do_POST(self) -> None:
        """Answer 503."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers["Host"], body))
        self.send_response(503)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
        """Write nothing."""


@contextmanager
def failing() -> Iterator[tuple[str, list[tuple[str, str | None, bytes]]]]:
    """Serve an error to everything, and give the URL and what was asked."""
    handler = type("Failing", (_Failing,), {"asked": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.asked  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def test_an_error_is_an_answer_and_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that fails is called once, and proxies of the shell have no part in it."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with failing() as (url, asked):
        answer = ask(f"{url}/deployments/1", read_asked("{}", None), {"Host": "1.api.abeja.io"})
    assert (answer.status, answer.is_good) == (503, False)
    assert asked == [("/deployments/1", "1.api.abeja.io", b"{}")]

"""`model serve`: one model on a port, from its start to its end."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.cli.commands import TIMEOUT
from tests.cli.models import await_gone, write_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commands import Commands, Process, Server

pytest.importorskip("abejaruntime36", reason="models are served by the published runtime")

TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(autouse=True)
def project(command: Commands, tmp_path: Path) -> Path:
    """The working directory, with a model and a result in it; temporary files have a folder of their own."""
    result = command.folder / "result"
    result.mkdir()
    (result / "model.txt").write_text("kept", encoding="utf-8")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command.environment["TMPDIR"] = str(temporary)
    return write_project(command.folder)


def served(process: Process) -> str:
    """Return where a model answers, once it does."""
    url: str = json.loads(process.wait_for('"event": "serving"')[-1])["url"]
    return url


def ask(url: str, method: str = "POST", **options: Any) -> requests.Response:
    """Ask a model."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=TIMEOUT, **options)


def events_of(text: str) -> list[dict[str, Any]]:
    """Return what a program is told."""
    return [json.loads(line) for line in text.splitlines()]


SERVE = ("model", "serve", "predict:echo", "--port", "0", "--json")


def test_it_answers_as_a_service_does(command: Commands) -> None:
    """GET, POST and PUT reach the handler, with its result and its variables; other methods are 501."""
    with command.start(*SERVE, "--result-dir", "result", "-e", "WORD=given") as process:
        url = served(process)
        assert ask(f"{url}/health_check", "GET").json() == {"status": "ok"}
        for method in ("POST", "PUT"):
            answer = ask(url, method, data=method.lower(), headers=TEXT)
            assert answer.headers["X-Abeja-Sys-Meta-Proxy-Version"]
            said = answer.json()
            assert (said["method"], said["body"], said["type"]) == (method, method.lower(), "text/plain")
            assert (said["model"], said["word"]) == ("kept", "given")
        assert ask(url, "GET", params={"a": "b"}).json()["body"] == "a=b"
        assert ask(url, "DELETE").status_code == 501


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_nothing_is_left_of_it(command: Commands, tmp_path: Path, number: signal.Signals, code: int) -> None:
    """A signal ends it; its process and its files are gone, and its folder is as it was."""
    before = {path.name for path in command.folder.iterdir()} | {"__pycache__"}
    with command.start(*SERVE) as process:
        said = ask(served(process), data="{}", headers=TEXT).json()
        assert said["model"] is None
        _, errors = process.end(number)
        assert process.popen.returncode == code, errors
    await_gone(said["pid"])
    assert not list((tmp_path / "tmp").iterdir())
    assert {path.name for path in command.folder.iterdir()} <= before


def test_its_log_and_its_answers_are_shown(command: Commands) -> None:
    """What the handler prints, its traceback, and a line for each answer but those of its health."""
    with command.start("model", "serve", "predict:handler", "--port", "0") as process:
        url = process.wait_for("http://")[-1]
        ask(f"{url}/health_check", "GET")
        assert ask(url, data="1 / 0", headers=TEXT).status_code == 500
        shown, said = process.end(signal.SIGINT)
    assert "POST /  500  " in shown
    assert "asked for 1 / 0" in shown.splitlines()
    assert "ZeroDivisionError: division by zero" in shown.splitlines()
    assert "health_check" not in shown
    assert "[SIGINT] received" in shown, "it is asked to end, as by the platform"
    assert f"predict:handler answers at {url}/" in said


def test_a_model_that_ends_its_process_is_started_again(command: Commands) -> None:
    """The request gets 500, the person is told, and later ones are answered by another process."""
    with command.start("model", "serve", "predict:handler", "--port", "0", "--json") as process:
        url = served(process)
        pids = [ask(url, data="{'content': str(os.getpid())}", headers=TEXT).text]
        assert ask(url, data="os._exit(3)", headers=TEXT).status_code == 500
        process.wait_for("loaded 0")
        end = time.monotonic() + TIMEOUT
        while (answer := ask(url, data="{'content': str(os.getpid())}", headers=TEXT)).status_code == 503:
            assert time.monotonic() < end
        pids.append(answer.text)
        _, said = process.end(signal.SIGINT)
    assert len(set(pids)) == 2
    assert "the model has ended (exit code 3); it is started again" in said


def test_a_model_that_ends_by_itself(command: Commands) -> None:
    """One that nobody has asked anything ends the command, which would start it for ever."""
    code = "import os, threading\nthreading.Timer(0.5, os._exit, [4]).start()\nhandler = print\n"
    (command.folder / "brief.py").write_text(code, encoding="utf-8")
    done = command("model", "serve", "brief:handler", "--port", "0", code=1)
    assert "ended with exit code 4" in done.stderr or "has ended (exit code 4)" in done.stderr


def test_an_image_of_the_first_generation(command: Commands) -> None:
    """Its handler is given an iterator."""
    options = ("--image", "abeja-inc/all-cpu:18.10", "--port", "0", "--json")
    with command.start("model", "serve", "predict:iterated", *options) as process:
        assert ask(served(process), json={"a": 1}).json() == {"got": {"a": 1}}


def test_it_calls_no_other_platform(command: Commands) -> None:
    """The API that it is given is one of this machine, whatever the shell says, and takes its credential."""
    command.environment.update(ABEJA_API_URL="https://api.abeja.io", ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN="secret")
    (command.folder / "calls.py").write_text(
        "import json, os\nfrom abeja.datasets import Client\n\ndef handler(request, context):\n"
        "    names = [each.name for each in Client().datasets.list()]\n"
        "    return {'content': {'names': names, 'variables': dict(os.environ)}}\n",
        encoding="utf-8",
    )
    with command.start("model", "serve", "calls:handler", "--port", "0", "--json") as process:
        said = json.loads(ask(served(process), json={}).text)
        assert said["names"] == []
        assert said["variables"]["ABEJA_API_URL"].startswith("http://127.0.0.1:")
        assert "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN" not in said["variables"]


class TestResult:
    """Where the model is looked for."""

    #: Reads its file when it is imported.
    READS = (
        "import os\nMODEL = open(os.path.join(os.environ['ABEJA_TRAINING_RESULT_DIR'], 'model.json')).read()\n"
        "def handler(request, context):\n    return {'content': MODEL}\n"
    )

    def test_none_was_named(self, command: Commands) -> None:
        """The model does not find its file: it is said how to name the folder, and which the newest one is."""
        (command.folder / "reads.py").write_text(self.READS, encoding="utf-8")
        done = command("model", "serve", "reads:handler", "--port", "0", code=1)
        hint = "holds nothing; say where the model is: --result-dir "
        assert f"{hint}abeja-results/<time>/result\n" in done.stderr
        command("run", "train:handler")
        (kept,) = (command.folder / "abeja-results").iterdir()
        done = command("model", "serve", "reads:handler", "--port", "0", code=1)
        assert f"{hint}abeja-results/{kept.name}/result\n" in done.stderr

    def test_it_is_said_once(self, command: Commands) -> None:
        """Also of a model that reads its file only when it is asked."""
        lazy = "import os\ndef handler(*_):\n    return open(os.environ['ABEJA_TRAINING_RESULT_DIR'] + '/no').read()\n"
        (command.folder / "lazy.py").write_text(lazy, encoding="utf-8")
        options = ("--port", "0", "--json", "--result-dir", "result")
        with command.start("model", "serve", "lazy:handler", *options) as process:
            url = served(process)
            for _ in range(2):
                assert ask(url, data="{}", headers=TEXT).status_code == 500
                # Lines that come together are looked at together.
                process.wait_for("FileNotFoundError")
            _, said = process.end(signal.SIGINT)
        assert said.count("and holds model.txt; say where the model is: --result-dir") == 1

    def test_the_folder_of_a_job(self, command: Commands) -> None:
        """All that a run has kept is not its result, and it is said where that is."""
        command("run", "train:handler", "--keep", "out")
        said = command.refused(*SERVE[:3], "--port", "0", "--result-dir", "out", code=2)
        assert "--result-dir out has all that a run has kept; the model's files are in out/result" in said


class TestRefused:
    """What cannot be served."""

    @pytest.mark.parametrize(
        ("handler", "words"),
        [
            ("answers:handlr", "its functions are handler, other; did you mean 'handler'?"),
            ("predict.handler", "write predict:handler"),
            ("main:handler", "there is no module 'main'"),
        ],
    )
    def test_a_handler_that_is_not_there(self, command: Commands, handler: str, words: str) -> None:
        """It is said once, in a sentence."""
        code = "def handler(request, context): pass\ndef other(request, context): pass\n"
        (command.folder / "answers.py").write_text(code, encoding="utf-8")
        assert words in command.refused("model", "serve", handler, "--port", "0", code=2)

    def test_a_port_that_is_taken(self, command: Commands, server: Server) -> None:
        """It is said before the model is loaded."""
        done = command("model", "serve", "predict:echo", "--port", server.url.rpartition(":")[2], code=5)
        assert "another process listens" in done.stderr
        assert "loaded" not in done.stdout

    def test_a_model_that_cannot_be_loaded(self, command: Commands) -> None:
        """Its traceback is shown, and why it is not served."""
        done = command("model", "serve", "broken:handler", "--port", "0", code=1)
        assert "RuntimeError: cannot be loaded" in done.stdout
        assert "abeja-emulator: the model cannot be served" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("option", "value", "words", "code"),
        [
            ("--result-dir", "nowhere", "--result-dir nowhere is no folder", 2),
            ("--source", "nowhere", "--source nowhere is no folder", 2),
            ("--image", "nonsense", "image 'nonsense' is not of the form", 1),
            ("--env", "PLATFORM_AUTH_TOKEN=mine", "PLATFORM_AUTH_TOKEN is set by the platform itself", 1),
            ("--python", "no-such-python", "PATH has no such program", 1),
        ],
    )
    def test_an_option(self, command: Commands, option: str, value: str, words: str, code: int) -> None:
        """It is one sentence."""
        assert words in command.refused(*SERVE[:3], option, value, "--port", "0", code=code)

"""`pipeline`: from data to answers, what is shown of it, and what becomes of it when a step fails."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.cli.chain import Chain
from tests.cli.commands import TIMEOUT
from tests.cli.models import await_gone, write_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commands import Commands

pytest.importorskip("abejaruntime36", reason="models are served by the published runtime")

CHAIN = ("pipeline", "train:handler", "predict:handler")
STEPS = ["training job", "training model", "deployment", "code version", "service", "endpoint"]
JSON_ANSWER = "{'content': {'model': MODEL, 'sum': 1 + 1}, 'content_type': 'application/json'}"

#: A job of the first generation.
OLD = """
def handler(context):
    print(context.datasets)
    with open("{}/model.txt".format(__import__("os").environ["ABEJA_TRAINING_RESULT_DIR"]), "w") as file:
        file.write("old")
"""


@pytest.fixture(autouse=True)
def project(command: Commands) -> Path:
    """The working directory, with a job and a model in it."""
    return write_project(command.folder)


def of_kind(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events of one kind."""
    return [event for event in events if event["event"] == kind]


def asking(folder: Path, name: str, expression: str) -> str:
    """Write a request into a file, and return its name."""
    (folder / name).write_text(expression, encoding="utf-8")
    return name


class TestAnswered:
    """Every step succeeds."""

    def test_what_a_person_sees(self, command: Commands, project: Path) -> None:
        """Each step with its number, both logs, the answers, how long each step took; it ends with 0."""
        request = asking(project, "request.txt", JSON_ANSWER)
        lines = command(*CHAIN, "--dataset", "train=points", "--request", request).stdout.splitlines()
        assert lines.index("loaded 0 trained") < lines.index("7/8 endpoint"), "a log comes with its step"
        names = ["dataset", *STEPS, "request"]
        numbered = [f"{number}/8 {name}" for number, name in enumerate(names, 1)]
        assert [line for line in lines if line in numbered] == numbered
        assert "it trains with ['train']" in lines
        assert "loaded 0 trained" in lines
        assert f"POST {request}  text/plain" in lines
        answer = next(number for number, line in enumerate(lines) if line.startswith("200  application/json  "))
        assert json.loads("\n".join(lines[answer + 1 : answer + 5])) == {"model": "trained", "sum": 2}
        table = lines.index(next(line for line in lines if line.split() == ["step", "time"]))
        assert [line[:14].strip() for line in lines[table + 1 : table + 9]] == names

    def test_what_a_program_sees_and_what_is_kept(self, command: Commands, project: Path) -> None:
        """Several requests, of a file and of JSON; answers are told whole, and all that was left is kept."""
        binary = asking(project, "binary.txt", "{'content': [bytes(range(256))], 'content_type': 'image/png'}")
        line = asking(project, "line.txt", "{'content': 'one line'}")
        events = command.events(
            *CHAIN, *("--env", "WORD=learnt", "--keep", "kept"), *("--request", binary, "--request", line)
        )
        assert [event["step"] for event in of_kind(events, "step")] == [*STEPS, "request 1", "request 2"]
        first, second = of_kind(events, "answer")
        assert (first["content"], first["size"], first["content_type"]) == (None, 256, "image/png")
        assert (second["content"], second["status"]) == ("one line", 200)
        result = events[-1]
        assert (result["event"], result["ok"], result["answers"]) == ("result", True, [200, 200])
        kept = project / "kept"
        assert (kept / "answer-1.png").read_bytes() == bytes(range(256))
        assert (kept / "answer-2.txt").read_text(encoding="utf-8") == "one line"
        assert (kept / "result" / "model.txt").read_text(encoding="utf-8") == "learnt"
        assert "it trains" in (kept / "log.txt").read_text(encoding="utf-8")
        assert "loaded 0 learnt" in (kept / "service-log.txt").read_text(encoding="utf-8")

    def test_a_json_text_of_the_command_line(self, command: Commands) -> None:
        """It arrives as it was written, as JSON."""
        events = command.events("pipeline", "train:handler", "predict:echo", "--request", '{"a": 1}')
        content = of_kind(events, "answer")[0]["content"]
        assert (content["method"], content["type"], content["body"]) == ("POST", "application/json", '{"a": 1}')
        await_gone(content["pid"])

    def test_an_image_of_the_first_generation(self, command: Commands) -> None:
        """Job and model are called as it calls them."""
        (command.folder / "old.py").write_text(OLD, encoding="utf-8")
        options = ("--image", "abeja-inc/all-cpu:18.10", "--request", "[1]")
        events = command.events("pipeline", "old:handler", "predict:iterated", *options)
        assert of_kind(events, "answer")[0]["content"] == {"got": [1]}

    def test_a_long_log_is_kept_whole(self, command: Commands, project: Path) -> None:
        """A log of more than a page."""
        command(*CHAIN, *("--env", "LINES=350", "--keep", "kept", "--request", asking(project, "r.txt", "{}")))
        lines = (project / "kept" / "service-log.txt").read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.startswith("loaded")] == [f"loaded {n} trained" for n in range(350)]


class Log:
    """A log of a service that has lines at some looks; stands in for `ServiceLog`."""

    def __init__(self, looks: list[bool]) -> None:
        self.looks = looks

    def show(self) -> bool:
        """Return whether there is a line."""
        return self.looks.pop(0) if self.looks else False


class TestSettling:
    """What the service has logged is shown before the next step begins."""

    @pytest.mark.parametrize("late", [0, 1, 2])
    def test_lines_that_come_late(self, late: int) -> None:
        """A line comes a moment after the answer, and others after that."""
        log = Log([*[False] * late, True, *[False] * late, True])
        settle(log)
        assert log.looks == []

    def test_a_log_without_end(self) -> None:
        """One that never comes to rest is left to the next step."""
        log = Log([True] * 1000)
        settle(log)
        assert 0 < len(log.looks) < 1000


def settle(log: Log) -> None:
    """Let a chain of which nothing but the log is looked at settle."""
    others: Any = SimpleNamespace(check=lambda: None)
    chain = Chain(*[others] * 9)
    chain._log = log  # type: ignore[assignment]
    chain.settle()


class TestServing:
    """Without a request."""

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
    def test_the_line_that_is_shown_works(self, command: Commands, number: signal.Signals, code: int) -> None:
        """The curl line is answered by the model until a signal comes, and then no process is left."""
        with command.start("pipeline", "train:handler", "predict:echo", "--content-type", "text/x") as process:
            line = process.wait_for("curl ")[-1]
            done = subprocess.run(shlex.split(line), capture_output=True, timeout=TIMEOUT, check=True)
            answer = json.loads(done.stdout)
            assert (answer["model"], answer["type"], answer["body"]) == ("trained", "text/x", "{}")
            _, said = process.end(number)
            assert process.popen.returncode == code, said
        await_gone(answer["pid"])


class TestFailures:
    """A step that fails ends it with 1, and its name is said."""

    def test_an_answer_that_is_an_error(self, command: Commands, project: Path) -> None:
        """All are asked, the answer and the traceback of the service are shown, and it ends with 1."""
        bad, good = asking(project, "bad.txt", "1 / 0"), asking(project, "good.txt", "{'content': 'well'}")
        done = command(*CHAIN, "--request", bad, "--request", good, code=1)
        assert "ZeroDivisionError: division by zero" in done.stdout
        assert '"status": "unexpected error occurred"' in done.stdout
        assert "well" in done.stdout.splitlines()
        assert "request 1 was answered with 500" in done.stderr

    def test_a_status_of_the_handler(self, command: Commands, project: Path) -> None:
        """A handler that answers 404 is an error too, and one that answers 302 is not."""
        statuses = [asking(project, f"{status}.txt", f"{{'status_code': {status}}}") for status in (302, 404)]
        result = command.events(*CHAIN, "--request", statuses[0])[-1]
        assert (result["ok"], result["answers"]) == (True, [302])
        result = command.events(*CHAIN, "--request", statuses[1], code=1)[-1]
        assert (result["ok"], result["answers"]) == (False, [404])

    @pytest.mark.parametrize(
        ("handlers", "words"),
        [
            (("train:handlr", "predict:handler"), "has no function 'handlr'; its functions are handler, fails, waits"),
            (("train:handler", "broken:handlr"), "has no function 'handlr'; its functions are handler; did you mean"),
            (("train:handler", "predcit:handler"), "did you mean predict:handler?"),
            (("train:handler", "predict.py:handler"), "write predict:handler"),
        ],
    )
    def test_a_handler_that_is_not_there(
        self, command: Commands, project: Path, handlers: tuple[str, str], words: str
    ) -> None:
        """It is said before the training, of the model's handler too."""
        assert words in command.refused("pipeline", *handlers, "--request", "{}", code=2)
        assert not (project / "abeja-results").exists()

    def test_training(self, command: Commands) -> None:
        """A job that has failed: its log is seen, and nothing is served."""
        done = command("pipeline", "train:fails", "predict:handler", "--request", "{}", code=1)
        assert "ValueError: no such thing" in done.stdout
        assert "training model" not in done.stdout
        assert done.stderr.startswith("abeja-emulator: training job: job 1")
        assert "is Failed: ValueError: no such thing" in done.stderr

    def test_a_job_that_leaves_nothing(self, command: Commands) -> None:
        """Without a result there is no model, and it says where a handler is to write."""
        (command.folder / "idle.py").write_text("def handler(context):\n    pass\n", encoding="utf-8")
        done = command("pipeline", "idle:handler", "predict:handler", "--request", "{}", code=1)
        assert done.stderr.startswith("abeja-emulator: training model: job 1")
        assert "has left nothing" in done.stderr
        assert "ABEJA_TRAINING_RESULT_DIR" in done.stderr

    def test_service(self, command: Commands) -> None:
        """A model that cannot be loaded: its traceback is seen, and which step that was."""
        done = command("pipeline", "train:handler", "broken:handler", "--request", "{}", code=1)
        assert "RuntimeError: cannot be loaded" in done.stdout
        assert done.stderr.startswith("abeja-emulator: service: service ser-")
        assert "is FAILED" in done.stderr

    def test_how_to_go_on(self, command: Commands, project: Path) -> None:
        """After a training the command that serves its result is shown, and works once the model does."""
        options = ("--keep", "out", "--env", "WORD=a b", "--request", "{}")
        done = command("pipeline", "train:handler", "broken:handler", *options, code=1)
        line = done.stderr.rstrip().rpartition("the result of the training is kept; go on with: abeja-emulator ")[2]
        assert line == "model serve broken:handler --result-dir out/result --env 'WORD=…'", "it may be a secret"
        (project / "broken.py").write_text((project / "predict.py").read_text(encoding="utf-8"), encoding="utf-8")
        with command.start(*shlex.split(line.replace("…", "a b")), "--port", "0", "--json") as process:
            assert any("loaded 0 a b" in shown for shown in process.wait_for("loaded 0"))
            process.end(signal.SIGINT)

    def test_how_to_go_on_after_a_bad_answer(self, command: Commands, project: Path) -> None:
        """The same is said when only the answer was an error."""
        done = command(*CHAIN, "--keep", "out", "--request", asking(project, "bad.txt", "1 / 0"), code=1)
        assert done.stderr.endswith("go on with: abeja-emulator model serve predict:handler --result-dir out/result\n")

    def test_what_the_platform_refuses(self, command: Commands) -> None:
        """What the SDK is answered is said with the step."""
        said = command.refused(*CHAIN, "--env", "PLATFORM_AUTH_TOKEN=mine", "--request", "{}", code=1)
        assert said.startswith("abeja-emulator: training job: ")
        assert "PLATFORM_AUTH_TOKEN is set by the platform itself" in said

    def test_a_request_that_is_nothing(self, command: Commands, project: Path) -> None:
        """It is refused before anything is trained."""
        said = command.refused(*CHAIN, "--request", "nowhere.png", code=2)
        assert "--request 'nowhere.png' is no file, and no JSON" in said
        assert not (project / "abeja-results").exists()

    def test_a_port_that_is_taken(self, command: Commands, server: Any) -> None:
        """It ends with 5, as `serve` does."""
        port = server.url.rpartition(":")[2]
        assert "another process listens" in command.refused(*CHAIN, "--port", port, code=5)

    def test_interrupted_while_it_trains(self, command: Commands) -> None:
        """The job is stopped, and no other step is begun."""
        with command.start("pipeline", "train:waits", "predict:handler") as process:
            process.wait_for("it waits")
            shown, said = process.end(signal.SIGINT)
            assert process.popen.returncode == 130, said
        assert "  Stopped  " in shown
        assert "training model" not in shown

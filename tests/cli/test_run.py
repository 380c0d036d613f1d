"""`run`: a training on this machine, from its beginning to what is left of it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.commands import SAMPLES, TIMEOUT, Commands, shell_environment

if TYPE_CHECKING:
    from pathlib import Path

ALIAS = "train:quick"


def result_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the last event, which is the result, and check that no other is."""
    assert [event["event"] for event in events].index("result") == len(events) - 1
    return events[-1]


@pytest.mark.usefixtures("handlers")
class TestComplete:
    """A job that succeeds."""

    def test_what_a_person_sees(self, command: Commands) -> None:
        """The log and each epoch as they come; then the status, a curve, the files with sizes, and where they are."""
        shown = command("run", ALIAS).stdout
        lines = shown.splitlines()
        assert "it begins" in lines
        assert "WARNING take care" in lines
        for epoch, values in enumerate(("accuracy 0.1 loss 1", "accuracy 0.2 loss 0.5", "accuracy 0.3 loss 0.3333"), 1):
            assert any(line.startswith(f"epoch {epoch}/3  train {values}  ") for line in lines)
        job = next(line for line in lines if line.startswith("job "))
        assert "  Complete  " in job
        assert "accuracy   ● train" in lines
        assert "loss   ● train" in lines
        assert "  model.bin  7 B" in lines
        assert "  logs/events  7 B" in lines
        assert lines[-1].startswith("kept in abeja-results/")

    def test_what_is_kept(self, command: Commands, handlers: Path) -> None:
        """The result as the handler laid it out, the log, and the statistics; each run has a folder of its own."""
        folders = [result_of(command.events("run", ALIAS, "--env", f"CONTENT={n}"))["folder"] for n in (1, 2)]
        for content, folder in enumerate(folders, 1):
            place = handlers / folder
            assert (place / "result" / "model.bin").read_text(encoding="utf-8") == str(content)
            assert (place / "result" / "logs" / "events").is_file()
            assert (place / "log.txt").read_text(encoding="utf-8").splitlines()[:2] == [
                "it begins",
                "WARNING take care",
            ]
            statistics = json.loads((place / "statistics.json").read_text(encoding="utf-8"))
            assert [each["epoch"] for each in statistics] == [1, 2, 3]

    def test_events(self, command: Commands) -> None:
        """A program reads an object a line: what was logged, what was posted, and the result with sizes."""
        events = command.events("run", ALIAS, "--keep", "kept")
        result = result_of(events)
        assert {"log": "it begins", "statistics": 1}.items() <= {
            "log": next(event["message"] for event in events if event["event"] == "log"),
            "statistics": next(event["statistics"]["epoch"] for event in events if event["event"] == "statistics"),
        }.items()
        assert (result["status"], result["folder"]) == ("Complete", "kept")
        assert result["artifacts"] == {"logs/events": 7, "model.bin": 7}
        assert result["seconds"] > 0

    def test_source_elsewhere(self, command: Commands, handlers: Path) -> None:
        """The source may be another folder; results stay where the command was started."""
        (handlers / "below").mkdir()
        command.folder = handlers / "below"
        assert result_of(command.events("run", ALIAS, "--source", ".."))["status"] == "Complete"
        assert (handlers / "below" / "abeja-results").is_dir()


class TestDatasets:
    """`--dataset`."""

    @pytest.mark.parametrize("form", ["name", "folder", "yaml", "csv"])
    def test_forms(self, command: Commands, form: str) -> None:
        """A sample, a folder, a YAML and a CSV file hold the same points, and the real handler learns the same."""
        files = sorted((SAMPLES / "points").rglob("*.json"))
        items = [{"file": str(path), "label": path.parent.name} for path in files]
        (command.folder / "points.yaml").write_text(json.dumps({"items": items}), encoding="utf-8")
        rows = ["file,label", *(f"{item['file']},{item['label']}" for item in items)]
        (command.folder / "points.csv").write_text("\n".join(rows), encoding="utf-8")
        source = {"name": "points", "folder": SAMPLES / "points", "yaml": "points.yaml", "csv": "points.csv"}[form]
        events = command.events(
            "run", "train:handler", "--source", SAMPLES / "handlers" / "plain", "--dataset", f"train={source}"
        )
        assert result_of(events)["status"] == "Complete"
        last = [event["statistics"] for event in events if event["event"] == "statistics"][-1]
        assert last["stages"]["validation"]["accuracy"] == pytest.approx(0.9333, abs=1e-4)

    def test_fixtures(self, command: Commands, handlers: Path) -> None:
        """A name is looked for in `fixtures` too, as a test finds it; and what is there is said."""
        (handlers / "fixtures" / "fruit" / "apple").mkdir(parents=True)
        (handlers / "fixtures" / "fruit" / "apple" / "one.txt").write_text("1", encoding="utf-8")
        shown = command("run", "train:by_attribute", "--image", "abeja-inc/all-cpu:18.10", "--dataset", "train=fruit")
        assert "train is 1" in shown.stdout
        said = command.refused("run", ALIAS, "--dataset", "train=friut", code=1)
        assert "there is no folder and no file 'friut', nor fixtures/friut" in said
        assert said.endswith("what is there: fruit; did you mean 'fruit'?\n")

    def test_a_seed_file_of_two(self, command: Commands, handlers: Path) -> None:
        """A file of two datasets is no dataset."""
        two = {"datasets": [{"source": "points"}, {"source": "shapes"}]}
        (handlers / "seed.json").write_text(json.dumps(two), encoding="utf-8")
        said = command.refused("run", ALIAS, "--dataset", "train=seed.json", code=2)
        assert "'seed.json' holds 2 datasets" in said


@pytest.mark.usefixtures("handlers")
class TestProject:
    """`training.yaml`, images, variables, and what belongs to the source."""

    def test_training_yaml(self, command: Commands, handlers: Path) -> None:
        """Handler and variables come from it, and an option wins; ids of real datasets are left alone."""
        text = "name: mine\nhandler: train:quick\nenvironment: {CONTENT: from-file}\ndatasets: {train: 1234567890123}\n"
        (handlers / "training.yaml").write_text(text, encoding="utf-8")
        command("run", "--keep", "one")
        command("run", "--keep", "two", "--env", "CONTENT=given")
        found = [(handlers / name / "result" / "model.bin").read_text(encoding="utf-8") for name in ("one", "two")]
        assert found == ["from-file", "given"]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("handler: [", "training.yaml is not YAML"),
            ("- handler", "training.yaml is no mapping"),
            ("handler: 3", "training.yaml: handler is text, not 3"),
            ("environment: [a]", "environment is a mapping"),
        ],
    )
    def test_a_broken_training_yaml(self, command: Commands, handlers: Path, text: str, words: str) -> None:
        """It ends with 1, and says what is wrong with the file."""
        (handlers / "training.yaml").write_text(text, encoding="utf-8")
        done = command("run", ALIAS, code=1)
        assert words in done.stderr
        assert "Traceback" not in done.stderr

    def test_datasets_of_the_real_platform(self, command: Commands, handlers: Path) -> None:
        """Their aliases are named before the job runs, but those that the command line gives."""
        text = "datasets: {train: 1234567890123, test: 1234567890124}\n"
        (handlers / "training.yaml").write_text(text, encoding="utf-8")
        said = command("run", ALIAS, "--dataset", "test=points").stderr
        assert "training.yaml says which dataset train is on the real platform" in said
        assert "give --dataset train=… " in said
        assert (
            "training.yaml" not in command("run", ALIAS, "--dataset", "test=points", "--dataset", "train=points").stderr
        )

    def test_without_pyyaml(self, command: Commands, handlers: Path) -> None:
        """With a handler named it goes on and says what was not read; without one it cannot."""
        (handlers / "training.yaml").write_text("handler: train:quick\n", encoding="utf-8")
        without(command, handlers, "yaml")
        done = command("run", ALIAS)
        assert "training.yaml was not read, because pyyaml is not installed (pip install pyyaml)" in done.stderr
        assert "  Complete  " in done.stdout
        said = command.refused("run", code=1)
        assert "training.yaml is YAML, and pyyaml is not installed; pip install pyyaml" in said

    def test_what_was_kept_is_no_source(self, command: Commands, handlers: Path) -> None:
        """A folder that an earlier run has kept does not travel with the next job, by whatever name."""
        code = "import os\n\ndef handler(context):\n    print(sorted(set(os.listdir('.')) - {'__pycache__'}))\n"
        (handlers / "look.py").write_text(code, encoding="utf-8")
        command("run", ALIAS, "--keep", "out")
        assert "['look.py', 'train.py']" in command("run", "look:handler", "--keep", "again").stdout

    def test_image(self, command: Commands) -> None:
        """An image of the first generation calls the handler with an object."""
        options = ("--dataset", "train=points", "--image", "abeja-inc/all-cpu:18.10")
        assert "train is 1" in command("run", "train:by_attribute", *options).stdout
        shown = command("run", "train:by_attribute", *options[:2], code=1).stdout
        assert "images from 19.04 on call a handler with a dict" in shown

    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("--env", "PLATFORM_AUTH_TOKEN=mine", "PLATFORM_AUTH_TOKEN is set by the platform itself"),
            ("--image", "nonsense", "image 'nonsense' is not of the form"),
            ("--instance-type", "huge", "instance_type 'huge' is not of the form"),
        ],
    )
    def test_what_the_platform_refuses(
        self, command: Commands, handlers: Path, option: str, value: str, words: str
    ) -> None:
        """A variable, image or instance type that the platform would not take is refused before anything runs."""
        assert words in command.refused("run", ALIAS, option, value, code=1)
        assert not (handlers / "abeja-results").exists()

    def test_keep_where_something_is(self, command: Commands) -> None:
        """A folder with something in it is not written into, and nothing was trained in vain."""
        assert "--keep . is there already" in command.refused("run", ALIAS, "--keep", ".", code=2)


@pytest.mark.usefixtures("handlers")
class TestEnds:
    """A job that fails, or that a person ends."""

    def test_failed(self, command: Commands) -> None:
        """It ends with 1, the traceback is seen, and what went wrong is said at the end, too."""
        shown = command("run", "train:fails", code=1).stdout
        assert "WARNING ValueError: no such thing" in shown
        assert "ValueError: no such thing\nkept in" in shown

    @pytest.mark.parametrize(
        ("handler", "words"),
        [
            ("train.py:quick", "names a file, and the platform takes a module; write train:quick"),
            ("train.quick", "exactly one colon; write train:quick"),
            ("trian:quick", "there is no module 'trian'"),
            ("trian:quick", "did you mean train:quick?"),
            (
                "train:quik",
                "its functions are report, quick, fails, waits, stubborn, by_attribute; did you mean 'quick'?",
            ),
        ],
    )
    def test_a_handler_that_is_not_there(self, command: Commands, handlers: Path, handler: str, words: str) -> None:
        """It is refused with what may be meant, nothing runs, and nothing is kept."""
        assert words in command.refused("run", handler, code=2)
        assert {path.name for path in handlers.iterdir()} == {"train.py"}

    def test_a_handler_that_is_elsewhere(self, command: Commands, tmp_path: Path) -> None:
        """A module that the interpreter finds without the source folder is taken."""
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / "elsewhere.py").write_text("def handler(context):\n    print('here')\n", encoding="utf-8")
        path = shell_environment(command.home, {})["PYTHONPATH"]
        command.environment["PYTHONPATH"] = f"{tmp_path / 'more'}:{path}"
        assert "here" in command("run", "elsewhere:handler").stdout.splitlines()

    def test_a_program(self, command: Commands, handlers: Path) -> None:
        """An image that runs programs takes a file, and one that is not there is refused as well."""
        (handlers / "program.py").write_text("print('it runs')\n", encoding="utf-8")
        options = ("--image", "custom/image:20.02a")
        assert "it runs" in command("run", "program.py", *options).stdout.splitlines()
        assert "did you mean program?" in command.refused("run", "progam.py", *options, code=2)

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_interrupted(self, command: Commands, handlers: Path, number: signal.Signals, code: int) -> None:
        """The handler is asked to end, may still save, and what it has saved is kept."""
        with command.start("run", "train:waits", "--keep", "kept") as process:
            process.wait_for("it waits")
            shown, said = process.end(number)
            assert process.popen.returncode == code, said
        assert "stopping the job" in said
        assert "it was asked to end" in shown
        assert "  Stopped  " in shown
        assert (handlers / "kept" / "result" / "partial").read_text(encoding="utf-8") == "half"

    def test_interrupted_twice(self, command: Commands) -> None:
        """A handler that does not listen is killed when the person asks again, long before its 25 seconds are over."""
        with command.start("run", "train:stubborn") as process:
            process.wait_for("it waits")
            process.popen.send_signal(signal.SIGINT)
            process.wait_for("it does not listen")
            # Signals that come at once are one: some programs send theirs twice.
            while process.popen.poll() is None:
                process.popen.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.popen.wait(0.2)
            shown, _ = process.end()
        assert process.popen.returncode == 130
        assert "  Stopped  " in shown


def test_on_a_terminal(command: Commands, handlers: Path) -> None:
    """On a terminal rich draws a bar below the log; what a handler prints is no markup."""
    pytest.importorskip("rich")
    (handlers / "marks.py").write_text("def handler(context):\n    print('[bold]as it is[/bold]')\n", encoding="utf-8")
    shown = on_terminal(command, "run", "marks:handler")
    assert "[bold]as it is[/bold]" in shown
    assert "\x1b[?25l" in shown
    assert "  Complete  " in shown


def test_without_rich(command: Commands, handlers: Path) -> None:
    """Where rich is not installed, a terminal shows plain lines."""
    without(command, handlers, "rich")
    shown = on_terminal(command, "run", ALIAS)
    assert "epoch 3/3  train accuracy 0.3 loss 0.3333" in shown
    assert "\x1b" not in shown


def without(command: Commands, folder: Path, package: str) -> None:
    """Let commands find that a package is not installed."""
    place = folder / f"no-{package}"
    place.mkdir()
    (place / f"{package}.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    command.environment["PYTHONPATH"] = f"{place}:{shell_environment(command.home, {})['PYTHONPATH']}"


def on_terminal(command: Commands, *arguments: str) -> str:
    """Run a command on a terminal, and return what it shows there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command.line(*arguments),
        cwd=command.folder,
        env=shell_environment(command.home, command.environment),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    pieces = []
    # An error is how Linux says that nobody has the other end any more.
    with suppress(OSError):
        while piece := os.read(ours, 65536):
            pieces.append(piece)
    os.close(ours)
    assert process.wait(TIMEOUT) == 0
    return b"".join(pieces).decode()

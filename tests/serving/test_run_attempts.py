"""Attempt after attempt: what is tried again, what is not, what is kept, and what the log says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.child_process import NotStarted
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.serving.messages import ModelAnswer, ModelGone
from abeja_emulator.serving.model_process import NotReady
from abeja_emulator.serving.preparation import PreparationError
from abeja_emulator.serving.run_attempts import Attempts, Ticket
from abeja_emulator.wire.content import Upload
from tests.serving.run_samples import FakeCodes, FakeProcess, Maker

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run

RAISED = ModelAnswer(500, "application/json", body=b"not the handler's", error="unexpected error occurred")


class Trial:
    """Runs one run to its end in this thread.

    Attributes:
        attempts: what runs it.
        codes: makes the processes.
        ticket: of the last run.
    """

    def __init__(self, platform: Platform, maker: Maker, folder: Path) -> None:
        self.codes = FakeCodes()
        self.ticket = Ticket()
        self._platform = platform
        self._maker = maker
        self._folder = folder
        self.attempts = Attempts(platform, folder, self.codes)  # type: ignore[arg-type]

    def run(self, *says: Any, **options: Any) -> Run:
        """Submit a run whose processes say this, run it and return it."""
        if says:
            self.codes.says(*says)
        run_id = self._maker.run(self._maker.version(), **options)
        self.again(run_id)
        return self._platform.look.run(run_id)

    def again(self, run_id: str) -> None:
        """Run a run that is there."""
        self.ticket = Ticket()
        self.attempts.run(run_id, self.ticket)
        assert list(self._folder.iterdir() if self._folder.exists() else ()) == []
        assert [process.closed for process in self.codes.processes] == [1] * len(self.codes.processes)


@pytest.fixture
def trial(platform: Platform, maker: Maker, tmp_path: Path) -> Trial:
    """Runs runs."""
    return Trial(platform, maker, tmp_path / "runs")


def attempts(log: list[str]) -> list[str]:
    """Return what the log says of attempts, without what each line begins with."""
    assert all(line.startswith("abeja-emulator: ") for line in log)
    return [line[len("abeja-emulator: ") :] for line in log]


class TestTriedAgain:
    """What the handler could do better next time."""

    def test_until_it_is_done(self, trial: Trial, maker: Maker) -> None:
        """Each kind of failure is tried again with a process of its own; the code is made ready once."""
        run = trial.run(
            RAISED,
            ModelGone("contact with the model was lost: its process ended with exit code 3"),
            ModelAnswer(300),
            NotReady("the model cannot be served: it ended; its log ends:\nTraceback\nImportError"),
            b"done",
        )
        assert (run.status, run.retries) == ("SUCCEEDED", 4)
        assert (len(trial.codes.processes), trial.codes.readied) == (5, 1)
        assert attempts(maker.log(run.run_id)) == [
            "attempt 1 of 6",
            "attempt 1 of 6 failed: the handler failed (unexpected error occurred)",
            "attempt 2 of 6",
            "attempt 2 of 6 failed: contact with the model was lost: its process ended with exit code 3",
            "attempt 3 of 6",
            "attempt 3 of 6 failed: the handler answered with the status 300, and only up to 299 is it done",
            "attempt 4 of 6",
            "attempt 4 of 6 failed: the model cannot be served: it ended",
            "attempt 5 of 6",
        ]

    @pytest.mark.parametrize("retry_count", [0, 2])
    @pytest.mark.parametrize("says", [RAISED, NotReady("it ended")], ids=["while it ran", "while it started"])
    def test_as_often_as_it_may(self, trial: Trial, maker: Maker, retry_count: int, says: Any) -> None:
        """With the last attempt it is FAILED."""
        run = trial.run(says, retry_count=retry_count)
        assert (run.status, run.retries) == ("FAILED", retry_count)
        assert len(trial.codes.processes) == retry_count + 1
        last = attempts(maker.log(run.run_id))[-1]
        assert last.startswith(f"attempt {retry_count + 1} of {retry_count + 1} failed: ")

    @pytest.mark.parametrize(("status", "end"), [(200, "SUCCEEDED"), (299, "SUCCEEDED"), (300, "FAILED")])
    def test_status(self, trial: Trial, status: int, end: str) -> None:
        """A handler is done up to 299."""
        assert trial.run(ModelAnswer(status), retry_count=0).status == end


@pytest.mark.parametrize("says", [b"done", ModelGone("lost")], ids=["answered", "gone"])
def test_a_large_input_is_read_by_each_attempt(
    trial: Trial, maker: Maker, monkeypatch: pytest.MonkeyPatch, says: Any
) -> None:
    """It is a stream, and closed when the attempt is over."""
    monkeypatch.setattr("abeja_emulator.store.blobs.WHOLE", 0)
    channel, spool = maker.channel(), maker.platform.world.store.blobs.spool()
    monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", 0)
    spool.write(b"large")
    with maker.platform.world.store.transaction():
        file = Files(maker.platform.world).upload(channel, Upload(*spool.finish()))
    trial.run(RAISED, says, input_data={"$datalake:1": f"{channel}/{file.file_id}"}, retry_count=1)
    assert [bodies for _, bodies in trial.codes.asked] == [[b"large"]] * 2
    streams: list[Any] = [request.contents[0].body for request, _ in trial.codes.asked]
    assert [stream.closed for stream in streams] == [True, True]


class TestNotTriedAgain:
    """What would be the same next time."""

    @pytest.mark.parametrize(
        "problem",
        [PreparationError("the code is not here"), NotStarted("the code is not here")],
        ids=["preparation", "interpreter"],
    )
    def test_no_code(self, trial: Trial, maker: Maker, problem: Exception) -> None:
        """What stands in the way of a process fails the run in the first attempt."""
        trial.codes.problem = problem
        run = trial.run()
        assert (run.status, run.retries) == ("FAILED", 0)
        assert attempts(maker.log(run.run_id)) == ["attempt 1 of 6", "the code is not here"]
        assert (trial.codes.readied, trial.codes.processes) == (1, [])

    @pytest.mark.parametrize("missing", ["channel", "file"])
    def test_no_input(self, trial: Trial, maker: Maker, missing: str) -> None:
        """Neither does a run start whose input is not there, and its log names what is missing."""
        channel = maker.channel()
        place = f"{channel}/20240102T030405-none" if missing == "file" else "1230000000001/x"
        run = trial.run(input_data={"$datalake:1": place})
        assert (run.status, run.retries) == ("FAILED", 0)
        line = attempts(maker.log(run.run_id))[-1]
        assert line.startswith("the input of the run is not there: ")
        assert place.split("/")[missing == "file"] in line
        assert trial.codes.processes == []

    def test_a_version_that_was_deleted(self, trial: Trial, maker: Maker, platform: Platform) -> None:
        """A run only remembers which version it is of."""
        version = maker.version()
        run_id = maker.run(version)
        maker.delete_version(version)
        trial.again(run_id)
        assert platform.look.run(run_id).status == "FAILED"
        assert version in attempts(maker.log(run_id))[-1]


class TestOutput:
    """What becomes of an answer."""

    def test_of_a_success(self, trial: Trial, maker: Maker, platform: Platform) -> None:
        """It is in the channel when the run has succeeded, and the run knows where."""
        channel = maker.channel()
        answer = ModelAnswer(
            200, "image/png", {"x-abeja-meta-label": "cat", "X-Abeja-Meta-Score": "0.5", "x-other": "no"}, b"\x89PNG"
        )
        run = trial.run(answer, output_template={"$datalake:1": channel})
        assert run.status == "SUCCEEDED"
        assert maker.files(channel) == [
            (
                f"{run.run_id}_0.png",
                "image/png",
                b"\x89PNG",
                {"x-abeja-meta-label": "cat", "x-abeja-meta-score": "0.5"},
            )
        ]
        place = f"{channel}/{platform.look.files(channel)[0].file_id}"
        assert run.output == {"$datalake:1": place}
        assert attempts(maker.log(run.run_id))[-1] == f"the output is {place}"

    def test_of_a_failure(self, trial: Trial, maker: Maker) -> None:
        """It is uploaded too, then the attempt fails; the name is taken then, and no second file is made."""
        channel = maker.channel()
        failure, done = (ModelAnswer(status, "application/json", body=b"{}") for status in (500, 200))
        run = trial.run(failure, failure, done, output_template={"$datalake:1": channel}, retry_count=2)
        assert (run.status, run.retries) == ("FAILED", 2)
        assert [name for name, *_ in maker.files(channel)] == [f"{run.run_id}_0.json"]
        assert run.output is not None
        log = attempts(maker.log(run.run_id))
        assert "attempt 1 of 3 failed: the handler answered with the status 500" in log[2]
        assert log[4].startswith("attempt 2 of 3 failed: the handler answered with the status 500")
        assert log[6].startswith("attempt 3 of 3 failed: the output was refused: ")
        for line in (log[4], log[6]):
            assert "an earlier attempt has put its output there" in line
        assert len(trial.codes.processes) == 3

    @pytest.mark.parametrize("says", [RAISED, ModelGone("lost")], ids=["raised", "gone"])
    def test_of_a_handler_that_raised(self, trial: Trial, maker: Maker, says: Any) -> None:
        """There is none, so that the next attempt can put its own there."""
        channel = maker.channel()
        run = trial.run(says, b"done", output_template={"$datalake:1": channel})
        assert (run.status, run.retries) == ("SUCCEEDED", 1)
        assert [content for _, _, content, _ in maker.files(channel)] == [b"done"]

    def test_none(self, trial: Trial, maker: Maker) -> None:
        """Without content there is a warning in the log only."""
        channel = maker.channel()
        run = trial.run(ModelAnswer(), output_template={"$datalake:1": channel})
        assert (run.status, run.output, maker.files(channel)) == ("SUCCEEDED", None, [])
        assert attempts(maker.log(run.run_id))[-1].startswith("warning: the handler returned no content")

    def test_nobody_wants_it(self, trial: Trial, maker: Maker) -> None:
        """Without a template nothing is said of it."""
        run = trial.run(b"done")
        assert (run.status, run.output, attempts(maker.log(run.run_id))) == ("SUCCEEDED", None, ["attempt 1 of 6"])

    def test_no_such_channel(self, trial: Trial, maker: Maker) -> None:
        """The handler has run by then, and is run again, as on the platform."""
        run = trial.run(b"done", output_template={"$datalake:1": "1230000000001"}, retry_count=1)
        assert (run.status, run.output) == ("FAILED", None)
        assert len(trial.codes.processes) == 2
        assert "the output was refused: channel '1230000000001' does not exist" in maker.log(run.run_id)[-1]


class TestGone:
    """A run that is not any more what it was."""

    def test_stopped(self, trial: Trial, maker: Maker, platform: Platform) -> None:
        """What a run answers that was stopped meanwhile is worth nothing."""
        channel = maker.channel()

        def says(process: FakeProcess) -> bytes:
            trial.ticket.stop()
            assert process.killed.is_set()
            process.killed.clear()
            return b"done"

        run = trial.run(says, output_template={"$datalake:1": channel})
        assert (run.status, run.output, maker.files(channel)) == ("RUNNING", None, [])
        assert platform.world.attendants.tokens == {}

    @pytest.mark.parametrize("statuses", [("FAILED",), ("RUNNABLE", "STARTING", "RUNNING")], ids=["ended", "tried"])
    def test_moved(self, trial: Trial, maker: Maker, platform: Platform, statuses: tuple[str, ...]) -> None:
        """Nor what a run answers that somebody else has ended, or tries again."""
        channel = maker.channel()

        def says(_: FakeProcess) -> bytes:
            for status in statuses:
                with platform.world.store.transaction():
                    runs = Runs(platform.world)
                    runs.move(runs.everywhere()[0], status)
            return b"done"

        run = trial.run(says, output_template={"$datalake:1": channel})
        assert (run.status, run.output, maker.files(channel)) == (statuses[-1], None, [])
        assert attempts(maker.log(run.run_id)) == ["attempt 1 of 6"]

    def test_rolled_back(self, trial: Trial, maker: Maker, platform: Platform) -> None:
        """A run that is no more leaves nothing; who runs it is not disturbed."""
        snapshot = platform.snapshot()

        def says(_: FakeProcess) -> bytes:
            snapshot.rollback()
            return b"done"

        with pytest.raises(NotFound):
            trial.run(says)
        del maker

    def test_cancelled(self, trial: Trial, maker: Maker) -> None:
        """A run that was stopped while its requirements were installed is left as it is."""
        trial.codes.problem = Cancelled()
        run = trial.run()
        assert (run.status, attempts(maker.log(run.run_id))) == ("STARTING", ["attempt 1 of 6"])

    def test_ended(self, trial: Trial, maker: Maker) -> None:
        """A run that has ended is not run again, nor does it fail afterwards."""
        run = trial.run(b"done")
        trial.again(run.run_id)
        trial.attempts.fail(run.run_id, "too late")
        trial.attempts.give_back(run.run_id, "too late")
        assert len(trial.codes.processes) == 1
        assert (maker.status(run.run_id), maker.log(run.run_id)) == ("SUCCEEDED", ["abeja-emulator: attempt 1 of 6"])

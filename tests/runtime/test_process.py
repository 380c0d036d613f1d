"""What a job may change of the process, and how it is put back: after success, an exception and an exit."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.process import restored_environment, restored_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob

#: Changes all that is put back, in place and by replacing it.
MESS = """
    import io, logging, os, signal, sys, warnings
    def handler(context):
        os.environ["LEFT_BEHIND"] = "1"
        del os.environ["PATH"]
        os.chdir("/")
        sys.path.append("/left")
        sys.argv.append("--left")
        if {replace}:
            sys.path, sys.argv = ["/left"], ["left"]
            sys.stdout = sys.stderr = io.StringIO()
        sys.dont_write_bytecode = False
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        warnings.simplefilter("ignore")
        logging.basicConfig(level=logging.DEBUG, force=True)
        logging.disable(logging.CRITICAL)
        {end}
"""


def state() -> dict[str, Any]:
    """Return all that is put back, lists by content and by identity."""
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109 - the text
        "path": (id(sys.path), list(sys.path)),
        "arguments": (id(sys.argv), list(sys.argv)),
        "streams": (sys.stdout, sys.stderr),
        "bytecode": sys.dont_write_bytecode,
        "signals": [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)],
        "warnings": list(warnings.filters),
        "logging": (root.level, list(root.handlers), root.parent, root.manager.disable),
        "threads": threading.active_count(),
    }


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    ("end", "status"),
    [("pass", "Complete"), ("raise ValueError", "Failed"), ("sys.exit()", "Complete"), ("sys.exit(1)", "Failed")],
)
def test_a_job_leaves_no_trace(run: Callable[..., TrainedJob], end: str, status: str, *, replace: bool) -> None:
    """Environment, directory, path, arguments, streams, signals, warnings and root logger are as they were."""
    before = state()
    assert run(MESS.format(end=end, replace=replace)).status == status
    assert state() == before


def test_a_job_leaves_no_trace_when_the_person_interrupts(run: Callable[..., TrainedJob]) -> None:
    """The same for what goes through."""
    before = state()
    with pytest.raises(KeyboardInterrupt):
        run(MESS.format(end="raise KeyboardInterrupt", replace=True))
    assert state() == before


def test_a_directory_that_went_away_keeps_nothing_else_from_being_restored(tmp_path: Path) -> None:
    """The handler may remove the directory the test was in; the error is about that alone."""
    home, gone = os.getcwd(), tmp_path / "gone"  # noqa: PTH109 - the text
    gone.mkdir()
    path, handlers = list(sys.path), list(logging.getLogger().handlers)
    os.chdir(gone)
    try:
        with pytest.raises(FileNotFoundError), restored_process(tmp_path):
            gone.rmdir()
        assert (sys.path, logging.getLogger().handlers) == (path, handlers)
    finally:
        os.chdir(home)


def test_a_job_finds_a_process_of_its_own(run: Callable[..., TrainedJob]) -> None:
    """No arguments of pytest, no handlers on the root logger, and the working directory first on the path."""
    job = run(
        """
        import argparse, json, logging, sys
        def handler(context):
            argparse.ArgumentParser().parse_args()
            print(json.dumps([sys.path[0], len(sys.argv), len(logging.getLogger().handlers)]))
        """
    )
    assert job.status == "Complete", job.log
    assert json.loads(job.log) == ["", 1, 0]


def test_records_are_in_the_log_and_still_reach_pytest(
    run: Callable[..., TrainedJob], caplog: pytest.LogCaptureFixture
) -> None:
    """`basicConfig` works as in a process of its own, and what a handler logs can be asserted on."""
    job = run(
        """
        import logging
        def handler(context):
            logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
            logging.getLogger("mine").info("epoch 1")
        """
    )
    assert job.log == "INFO epoch 1"
    assert [(record.name, record.message) for record in caplog.records if record.name == "mine"] == [
        ("mine", "epoch 1")
    ]


def test_warnings_of_a_logger_without_handlers_are_in_the_log(run: Callable[..., TrainedJob]) -> None:
    """As `logging` does it, its last resort prints them, each once, however the logger is made."""
    job = run(
        """
        import logging
        def handler(context):
            logging.getLogger("a.b").info("not shown")
            logging.getLogger("a.b").warning("shown")
            alone = logging.getLogger("alone")
            alone.addHandler(logging.NullHandler())
            alone.warning("handled")
            logging.Logger("unknown").warning("not of this tree")
            logging.getLogger("a").addHandler(logging.StreamHandler())
            logging.getLogger("a.b").warning("by the handler")
            logging.getLogger("a").handlers.clear()
            logging.getLogger().warning("root")
        """
    )
    assert job.log.splitlines() == ["shown", "not of this tree", "by the handler", "root"]


def test_log_files_are_closed(run: Callable[..., TrainedJob], tmp_path: Path) -> None:
    """What is on the root logger at the end is closed, as at the end of a process, and complete in the result."""
    job = run(
        """
        import logging, os
        path = os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "train.log")
        logging.basicConfig(filename=path, level=logging.INFO, format="%(message)s")
        def handler(context):
            logging.info("one line")
        """
    )
    assert (job.result_dir / "train.log").read_text() == "one line\n"
    assert job.artifacts == {"train.log": 9}


def test_threads_of_a_handler(run: Callable[..., TrainedJob]) -> None:
    """They have the job's environment, and what they print is in its log."""
    job = run(
        """
        import os, sys, threading
        def say(): sys.stdout.write(os.environ["TRAINING_JOB_ID"] + "\\n")
        def handler(context):
            threads = [threading.Thread(target=say) for _ in range(5)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        """
    )
    assert job.log.splitlines() == [job.id] * 5


def test_a_job_in_another_thread(run: Callable[..., TrainedJob]) -> None:
    """Signal handlers belong to the main thread; everything else works."""
    jobs: list[TrainedJob] = []
    thread = threading.Thread(target=lambda: jobs.append(run("def handler(context): print('there')")))
    thread.start()
    thread.join()
    assert [(job.status, job.log) for job in jobs] == [("Complete", "there")]


def test_the_environment_is_replaced_or_left() -> None:
    """And is as before in the end, whatever was added, changed and removed."""
    before = dict(os.environ)
    with restored_environment({"ONLY": "this"}):
        assert dict(os.environ) == {"ONLY": "this"}
        os.environ["MORE"] = "that"
    with restored_environment():
        assert dict(os.environ) == before
        os.environ.clear()
    assert dict(os.environ) == before

"""The fault sweep over a training job with the Keras handler of the samples, in this process, on two workers."""

from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

FIXTURES = Path(__file__).parents[1] / "fixtures"

#: Pictures of each label, of which each is two calls.
PICTURES = 12
LABELS = ("circle", "square", "triangle")

LIMIT = 120.0

TEST = """
def test_it_learns(abeja_dataset, abeja_train):
    job = abeja_train(
        "{handlers}/train.py",
        image="abeja-inc/all-cpu:19.10",
        datasets={{"train": abeja_dataset("shapes")}},
        environment={{"NUM_EPOCHS": 1}},
    )
    assert job.status == "Complete", job.log
    assert job.statistics.epochs == [1]
    assert "model.h5" in job.artifacts
"""


def rows() -> list[tuple[str, str, str, str]]:
    """Sweep it with the faults of a sweep in which nothing is said."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for label in LABELS:
            (folder / "fixtures" / "shapes" / label).mkdir(parents=True)
            for path in sorted((FIXTURES / "shapes" / label).glob("*.png"))[:PICTURES]:
                shutil.copy(path, folder / "fixtures" / "shapes" / label)
        (folder / "test_demo.py").write_text(TEST.format(handlers=FIXTURES / "handlers" / "keras"), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--abeja-fault-sweep", "--abeja-sweep-file", "runs"]
        begun, before = time.perf_counter(), _used()
        run = subprocess.run(  # noqa: S603 - ours
            command, cwd=folder, check=False, capture_output=True, text=True
        )
        seconds, used = time.perf_counter() - begun, _used() - before
        lines = [json.loads(line) for line in (folder / "runs").read_text(encoding="utf-8").splitlines()]
    found = re.search(r"^test_demo\S*::\S+: (.*)$", run.stdout, re.MULTILINE)
    assert found is not None, run.stdout
    planned = {line["part"]: line["planned"] for line in lines if line["type"] == "base"}
    assert sum(line["type"] == "run" for line in lines) == sum(planned.values()), run.stdout
    return [
        (
            "sweep over the Keras handler, two workers",
            found[1],
            f"{seconds:.0f} s, {used:.0f} s of processors",
            f"≤ {LIMIT:.0f} s",
        )
    ]


def _used() -> float:
    """Return the seconds of processors that children have used: on a busy machine these tell more."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

"""A project of the tests: a job that trains nothing much, and a model that answers what it is asked to."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = """
import os
import time

from abeja.train.client import Client
from abeja.train.statistics import Statistics


def handler(context):
    statistics = Statistics(num_epochs=1, epoch=1)
    statistics.add_stage("train", accuracy=0.5, loss=0.25)
    Client().update_statistics(statistics)
    print("it trains with {}".format(sorted(context["datasets"])))
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.txt"), "w") as file:
        file.write(os.environ.get("WORD", "trained"))


def fails(context):
    raise ValueError("no such thing")


def waits(context):
    print("it waits")
    time.sleep(600)
"""

#: What is asked, as text, is an expression.
PREDICT = """
import os
import sys

RESULT = os.environ["ABEJA_TRAINING_RESULT_DIR"]
PATH = os.path.join(RESULT, "model.txt")
MODEL = open(PATH).read() if os.path.exists(PATH) else None
for number in range(int(os.environ.get("LINES", "1"))):
    print("loaded {} {}".format(number, MODEL))


def text(request):
    return request.read().decode()


def handler(request, context):
    said = text(request)
    print("asked for {}".format(said))
    return eval(said, globals(), {"request": request})


def echo(request, context):
    content = {"method": request["http_method"], "type": request["content_type"], "body": text(request)}
    content.update(model=MODEL, pid=os.getpid(), word=os.environ.get("WORD"))
    return {"content": content, "content_type": "application/json"}


def iterated(inputs, context):
    for each in inputs:
        yield {"got": each}
"""

BROKEN = "raise RuntimeError('cannot be loaded')\n\n\ndef handler(request, context):\n    pass\n"


def write_project(folder: Path) -> Path:
    """Write the modules `train`, `predict` and `broken` into a folder, and return it."""
    for name, code in (("train", TRAIN), ("predict", PREDICT), ("broken", BROKEN)):
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    return folder


def await_gone(pid: int) -> None:
    """Wait until a process that was killed is gone, which takes the system a moment."""
    end = time.monotonic() + 60
    while _lives(pid):
        assert time.monotonic() < end, f"process {pid} lives on"


def _lives(pid: int) -> bool:
    """Return whether a process is there and no zombie, which some machines never take away."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.strip().startswith("Z")

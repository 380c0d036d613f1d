"""Workers that a job starts with `multiprocessing` are the job's own, by every start method."""

from __future__ import annotations

import multiprocessing
import os
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob

HANDLER = """
import json, multiprocessing, os

def look(number):
    from abeja.datasets import Client
    count = Client().get_dataset(json.loads(os.environ["DATASETS"])["train"]).total_count
    return [os.environ["TRAINING_JOB_ID"], os.environ["ABEJA_TRAINING_RESULT_DIR"], os.getcwd(), count]

def handler(context):
    pool = multiprocessing.get_context(os.environ["METHOD"]).Pool(1)
    try:
        found = pool.map_async(look, [1]).get(timeout=60)[0]
    finally:
        pool.terminate()
        pool.join()
    assert found == look(1), (found, look(1))
    print(found[0])
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_two_jobs_in_two_folders(
    method: str, tmp_path: Path, abeja_train: Callable[..., TrainedJob], abeja_dataset: Callable[..., str]
) -> None:
    """Each worker has its own job's variables, directory and modules, also where a fork server lives on."""
    before = multiprocessing.process.ORIGINAL_DIR  # type: ignore[attr-defined]
    jobs = []
    for name in ("one", "two"):
        folder = tmp_path / name / "deep"
        (folder / ".abeja").mkdir(parents=True)
        (folder / f"{name}.py").write_text(textwrap.dedent(HANDLER))
        dataset = abeja_dataset([("text", "label")])
        jobs.append(
            abeja_train(
                f"{name}:handler", source=tmp_path / name, datasets={"train": dataset}, environment={"METHOD": method}
            )
        )

    for job in jobs:
        assert job.status == "Complete", job.log
        assert job.log == job.id
    assert before == multiprocessing.process.ORIGINAL_DIR  # type: ignore[attr-defined]
    assert os.path.isdir(before)  # noqa: PTH112 - text

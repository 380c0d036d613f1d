"""The demo: the platform documentation's Keras handler trains offline, with the real SDK and the real Keras."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

keras = pytest.importorskip("keras", reason="the demo needs the extra 'keras'")

import numpy as np  # noqa: E402 - below the line that asks for Keras
from abeja.train.client import Client  # noqa: E402
from PIL import Image  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

FIXTURES = Path(__file__).parents[2] / "fixtures"
HANDLERS = FIXTURES / "handlers" / "keras"

#: Labels of the sample pictures; guessing is right for one in three.
LABELS = ["circle", "square", "triangle"]
WELL_ABOVE_CHANCE = 0.8

EPOCHS = 8


def held_back() -> tuple[Any, list[int]]:
    """Return pictures that the training never saw, prepared as the handler prepares its own, and their classes."""
    pictures, classes = [], []
    for number, label in enumerate(LABELS):
        for path in sorted((FIXTURES / "shapes_held_back" / label).glob("*.png")):
            grey = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L"), dtype="float32")[..., np.newaxis]
            pictures.append((grey - grey.mean()) / (grey.std() + 1e-6))
            classes.append(number)
    return np.array(pictures), classes


def reported_by_keras(log: str) -> list[dict[str, float]]:
    """Return the values Keras printed at the end of each epoch."""
    epochs = []
    for line in log.splitlines():
        parts = [part.split(": ") for part in line.split(" - ") if ": " in part]
        values = {name: float(value) for name, value in parts}
        if "val_acc" in values:
            epochs.append(values)
    return epochs


@pytest.fixture(
    params=[
        pytest.param(("train.py", "abeja-inc/all-cpu:19.10"), id="dict-context"),
        pytest.param(("train_1810.py", "abeja-inc/all-cpu:18.10"), id="object-context"),
        pytest.param(("train_statistics_callback.py", "abeja-inc/all-cpu:19.10"), id="sdk-callback"),
    ]
)
def job(
    request: pytest.FixtureRequest,
    abeja_dataset: Callable[..., str],
    abeja_train: Callable[..., TrainedJob],
) -> TrainedJob:
    """A training job of each of the three styles."""
    handler, image = request.param
    return abeja_train(
        HANDLERS / handler,
        image=image,
        datasets={"train": abeja_dataset(FIXTURES / "shapes")},
        environment={"NUM_EPOCHS": EPOCHS},
    )


# Keras 3.15 with NumPy 2 warns of itself.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_it_learns(job: TrainedJob, abeja: Platform, tmp_path: Path) -> None:
    """Everything the platform would show of the job is there, and it is true."""
    assert job.status == "Complete", job.log

    # One statistic an epoch, with both stages, and the values are those that Keras reported.
    assert job.statistics.epochs == list(range(1, EPOCHS + 1))
    assert job.statistics.stages == ["train", "validation"]
    printed = reported_by_keras(job.log)
    for stage, prefix in (("train", ""), ("validation", "val_")):
        for metric, name in (("accuracy", "acc"), ("loss", "loss")):
            wanted = [epoch[prefix + name] for epoch in printed]
            assert job.statistics[stage][metric] == pytest.approx(wanted, abs=1e-3, rel=1e-2)
    assert abeja.look.job(job.id).statistics == job.statistics[-1]

    # The model that was saved tells pictures apart that it has never seen.
    model = keras.models.load_model(job.result_dir / "model.h5")
    pictures, classes = held_back()
    found = model.predict(pictures, verbose=0).argmax(axis=1)
    assert np.mean(found == np.array(classes)) > WELL_ABOVE_CHANCE

    # TensorBoard can read its logs, and they agree with the statistics.
    assert scalars(job.result_dir / "logs" / "validation", "epoch_acc") == pytest.approx(
        job.statistics["validation"]["accuracy"]
    )

    # The SDK gives back the very files.
    Client(job_definition_name=job.definition).download_training_result(job.id, str(tmp_path))
    downloaded = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(downloaded) == set(job.artifacts) >= {"model.h5"}
    for name, path in downloaded.items():
        assert path.read_bytes() == (job.result_dir / name).read_bytes()


def scalars(folder: Path, tag: str) -> list[float]:
    """Return the values of a tag, read by TensorBoard's own reader.

    In a process of its own, because tensorboardX 1.8, which SDKs up to 2.1 use, has messages of the same names.
    """
    script = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0})
events.Reload()
print(json.dumps([float(make_ndarray(event.tensor_proto)) for event in events.Tensors(sys.argv[2])]))
"""
    command = [sys.executable, "-c", script, str(folder), tag]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(value) for value in json.loads(output)]


def test_a_handler_that_raises_fails_its_job(
    abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob], tmp_path: Path
) -> None:
    """The job is Failed, its log has the traceback, and what was saved before is kept."""
    (tmp_path / "broken.py").write_text(
        "import os\n"
        "def handler(context):\n"
        "    with open(os.path.join(os.environ['ABEJA_TRAINING_RESULT_DIR'], 'half.txt'), 'w') as file:\n"
        "        file.write('half')\n"
        "    return weights['missing']\n"
        "weights = {}\n"
    )

    job = abeja_train(tmp_path / "broken.py")

    assert job.status == "Failed"
    assert isinstance(job.exception, KeyError)
    assert "return weights['missing']" in job.log
    assert job.log.rstrip().endswith("KeyError: 'missing'")
    assert job.artifacts == {"half.txt": 4}


def test_what_a_handler_returns_is_ignored(abeja_train: Callable[..., TrainedJob], abeja: Platform) -> None:
    """Whatever it is, false values and things that are no JSON among it."""
    for value in (None, False, 1, {"status": "Failed"}, object()):
        job = abeja_train(lambda _context, value=value: value)
        assert job.status == "Complete", job.log
        assert abeja.look.job(job.id).status_message is None

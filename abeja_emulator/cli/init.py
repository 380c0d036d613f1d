"""`init`: a starter that trains, answers, is tested and can be served as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.cli.exits import DONE, CommandError
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.project import INSTALL_YAML, has_yaml
from abeja_emulator.seeding import samples_folder

if TYPE_CHECKING:
    import argparse

#: The sample handlers that are copied.
_HANDLER = Path("handlers", "plain")
_COPIED = ("train.py", "predict.py", "training.yaml")

_TEST = '''\
"""Run with: pytest --abeja-emulate."""


def test_it_learns(abeja_dataset, abeja_train):
    points = abeja_dataset("points")  # sample data; a folder beside this file with one sub-folder a label works, too
    job = abeja_train("train:handler", datasets={"train": points}, environment={"NUM_EPOCHS": "10"})

    assert job.status == "Complete", job.log
    assert job.statistics["validation"]["accuracy"][-1] > 0.8
    assert "model.json" in job.artifacts
'''

#: The id is the one that training.yaml names.
_SEED = """\
# What is on a platform from the start: abeja-emulator serve --seed seed.yaml, or pytest --abeja-seed seed.yaml
datasets:
  - {name: points, source: points, id: "1234567890123"}
"""


def run(arguments: argparse.Namespace) -> int:
    """Write the files, all of them or none."""
    output = Output(json=arguments.json)
    folder = Path(arguments.folder)
    files = starter()
    there = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        message = f"{folder} has {', '.join(there)} already, and nothing is overwritten; name another folder"
        raise CommandError(message)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        # Exclusively: somebody else may have written it just now.
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    output.document({"folder": str(folder), "files": list(files)})
    for name in files:
        output.line(f"wrote {folder / name}")
    output.line()
    output.line("next:" if folder == Path() else f"next, in {folder}:")
    for command in (
        "pytest --abeja-emulate",
        "abeja-emulator run train:handler --dataset train=points",
        'abeja-emulator pipeline train:handler predict:handler --dataset train=points --request \'{"x": 1, "y": 1}\'',
        "abeja-emulator serve --seed seed.yaml",
    ):
        output.line(f"  {command}")
    if not has_yaml():
        output.remark(f"training.yaml and seed.yaml are YAML, and nothing here reads that yet: {INSTALL_YAML}")
    return DONE


def starter() -> dict[str, str]:
    """Return the files, by their names."""
    handler = samples_folder() / _HANDLER
    copied = {name: (handler / name).read_text(encoding="utf-8") for name in _COPIED}
    return {**copied, "test_train.py": _TEST, "seed.yaml": _SEED}

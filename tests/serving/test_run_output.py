"""How an output is named, what goes with it, and what cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from abeja.datalake.client import Client as DatalakeClient

from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.serving.messages import ModelAnswer
from abeja_emulator.serving.run_output import keep_output, output_name

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run
    from tests.serving.run_samples import Maker


@pytest.fixture
def channel(maker: Maker) -> str:
    """A channel without files."""
    return maker.channel()


@pytest.fixture
def run(maker: Maker, channel: str, platform: Platform) -> Run:
    """A run that is RUNNING, whose output goes there."""
    run_id = maker.run(maker.version(None), output_template={"$datalake:1": channel})
    with platform.world.store.transaction():
        runs = Runs(platform.world)
        return runs.move(runs.find(run_id), "RUNNING")


def kept(platform: Platform, run: Run, answer: ModelAnswer) -> str | None:
    """Keep an output, and return why it was refused."""
    with platform.world.store.transaction():
        return keep_output(platform, run, answer)


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        ("application/json", ".json"),
        ("Application/JSON; charset=utf-8", ".json"),
        ("text/plain", ".txt"),
        ("text/csv", ".csv"),
        ("image/jpeg", ".jpg"),
        ("image/png", ".png"),
        ("image/webp", ".webp"),
        ("application/xml", ".xml"),
        ("application/zip", ".zip"),
        ("application/octet-stream", ".bin"),
        ("application/x-of-nobody", ""),
        ("no type at all", ""),
    ],
)
def test_name(content_type: str, extension: str) -> None:
    """It is the run's, with the usual extension of the type, the same on every machine and every Python."""
    assert output_name("run-1", content_type) == f"run-1_0{extension}"


def test_no_type(maker: Maker, channel: str, run: Run, platform: Platform) -> None:
    """Where the runtime names none it is JSON, as in an answer of a service."""
    assert kept(platform, run, ModelAnswer(body=b"1")) is None
    assert [file[:3] for file in maker.files(channel)] == [(f"{run.run_id}_0.json", "application/json", b"1")]


def test_metadata_arrive_as_the_handler_wrote_them(channel: str, run: Run, maker: Maker, platform: Platform) -> None:
    """The SDK reads them again, but for the name, which is the platform's whatever the handler says."""
    metadata = {"x-abeja-meta-label": "猫", "x-abeja-meta-filename": "mine.txt", "content-language": "ja"}
    assert kept(platform, run, ModelAnswer(200, "text/plain", metadata, b"nyan")) is None
    (file,) = DatalakeClient(maker.organization).get_channel(channel).list_files()
    assert (file.metadata["label"], file.metadata["filename"]) == ("猫", f"{run.run_id}_0.txt")
    assert "content-language" not in file.metadata


@pytest.mark.parametrize(
    ("content_type", "metadata", "words"),
    [
        ("text/plain\r\nx: y", {}, "content_type"),
        ("text/plain", {"x-abeja-meta-a": "1\n2"}, "metadata x-abeja-meta-a"),
        ("text/plain", {"x-abeja-meta-a b": "1"}, "has the name 'x-abeja-meta-a b'"),
    ],
)
def test_what_no_request_can_say(
    maker: Maker, channel: str, run: Run, platform: Platform, content_type: str, metadata: dict[str, str], words: str
) -> None:
    """It is refused with a sentence that names it, and nothing is uploaded."""
    refused = kept(platform, run, ModelAnswer(200, content_type, metadata, b"x"))
    assert refused is not None
    assert words in refused
    assert maker.files(channel) == []
    assert platform.look.run(run.run_id).output is None


def test_another_template(maker: Maker, platform: Platform) -> None:
    """An output that is to go where the runner knows no way to goes nowhere, and the log says so."""
    run_id = maker.run(maker.version(None), output_template={"mail": "me"})
    assert kept(platform, platform.look.run(run_id), ModelAnswer(body=b"x")) is None
    assert maker.log(run_id) == [
        'abeja-emulator: the output goes nowhere: the output_template has no "$datalake:1", only mail'
    ]

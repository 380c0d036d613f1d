"""What a run asks its model: the file of the datalake, the JSON or nothing that it was submitted with."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
import pytest
from abeja.datalake.client import Client as DatalakeClient

from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.serving.messages import ModelContent, ModelRequest
from abeja_emulator.serving.run_input import VARIABLE_LIMIT, NoInputError, input_variables, request_of
from abeja_emulator.wire.content import Upload
from tests.platform_calls import LARGE

if TYPE_CHECKING:
    from abeja_emulator.services.runs.records import Run
    from tests.serving.run_samples import Maker


def made(maker: Maker, **options: Any) -> Run:
    """Submit a run, and return its record."""
    return maker.platform.look.run(maker.run(maker.version(None), **options))


def test_a_file(maker: Maker) -> None:
    """It comes with its content, its type and its metadata as the platform shows them, names and values encoded."""
    channel = DatalakeClient(maker.organization).get_channel(maker.channel())
    file = channel.upload(io.BytesIO(b"0,1\n"), "text/csv", metadata={"filename": "猫 1.csv", "label": "cat"})
    run = made(maker, input_data={"$datalake:1": f"{channel.channel_id}/{file.file_id}"})
    asked = request_of(maker.platform.world, run)
    assert (asked.method, asked.content_type, asked.headers) == ("POST", "text/csv", ())
    (content,) = asked.contents
    assert (content.body, content.content_type) == (b"0,1\n", "text/csv")
    metadata = dict(content.metadata or {})
    assert unquote(metadata.pop("x-abeja-meta-filename")) == "猫 1.csv"
    assert metadata == {"x-abeja-meta-label": "cat", "x-abeja-sys-meta-organizationid": maker.organization}


def test_a_file_without_a_type(maker: Maker) -> None:
    """It is `application/octet-stream`."""
    channel = maker.channel()
    with maker.platform.world.store.transaction():
        file = Files(maker.platform.world).upload(channel, Upload(b"?", 1))
    asked = request_of(maker.platform.world, made(maker, input_data={"$datalake:1": f"{channel}/{file.file_id}"}))
    assert [asked.content_type, asked.contents[0].content_type] == ["application/octet-stream"] * 2


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small content be large already."""
    monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", LARGE)
    monkeypatch.setattr("abeja_emulator.store.blobs.WHOLE", LARGE)


def test_a_large_file(small: None, maker: Maker) -> None:
    """It is a stream, which the caller closes, readable even when the file is deleted meanwhile."""
    del small
    content = b"x" * (2 * LARGE)
    channel, spool = maker.channel(), maker.platform.spool()
    spool.write(content)
    with maker.platform.world.store.transaction():
        file = Files(maker.platform.world).upload(channel, Upload(*spool.finish()))
    place = f"{channel}/{file.file_id}"
    asked = request_of(maker.platform.world, made(maker, input_data={"$datalake:1": place}))
    body = asked.contents[0].body
    assert not isinstance(body, bytes)
    with maker.platform.world.store.transaction():
        Files(maker.platform.world).delete(*place.split("/"))
    with body:
        assert body.read() == content


@pytest.mark.parametrize(
    "data", [{"a": [1, None], "名": "猫"}, ["a", 1], {}, [], {"datalake": "1230000000001/x"}], ids=json.dumps
)
def test_json(maker: Maker, data: Any) -> None:
    """Anything else is handed over as it is, in a body of JSON, the same text as in the variable `INPUT`."""
    # Not through the SDK, which leaves out what is empty.
    run = msgspec.structs.replace(made(maker), input_data=data)
    text = input_variables(run)["INPUT"]
    assert json.loads(text) == data
    kind = "application/json"
    assert request_of(maker.platform.world, run) == ModelRequest(
        "POST", kind, contents=(ModelContent(text.encode(), kind),)
    )


def test_nothing(maker: Maker) -> None:
    """Without input there is a request without content."""
    run = made(maker)
    assert request_of(maker.platform.world, run) == ModelRequest("POST", "")
    assert input_variables(run) == {}


def test_variables(maker: Maker) -> None:
    """Input and output are said as JSON, as the runner reads them."""
    channel = maker.channel()
    place = maker.put(channel)
    run = made(maker, input_data={"$datalake:1": place}, output_template={"$datalake:1": channel})
    said = input_variables(run)
    assert {name: json.loads(text) for name, text in said.items()} == {
        "INPUT": {"$datalake:1": place},
        "OUTPUT": {"$datalake:1": channel},
    }


def test_a_channel_of_another_organization(maker: Maker) -> None:
    """A run has the rights of its organization, in which there is no such channel."""
    world = maker.platform.world
    with world.store.transaction():
        other = Accounts(world).add_organization("other")
        channel = Channels(world).create(other.id, "theirs").channel_id
        file = Files(world).upload(channel, Upload(b"secret", 6))
    run = made(maker, input_data={"$datalake:1": f"{channel}/{file.file_id}"})
    with pytest.raises(NoInputError, match=f"the input of the run is not there: channel '{channel}' does not exist"):
        request_of(world, run)


def test_an_input_that_no_variable_can_hold(maker: Maker) -> None:
    """It is a sentence rather than the system's error, and one that is just small enough is none."""
    run = msgspec.structs.replace(made(maker), input_data=["x" * (VARIABLE_LIMIT - len('INPUT=[""]') - 1)])
    variables = input_variables(run)
    subprocess.run([sys.executable, "-c", ""], env={**variables, "PATH": ""}, check=True)
    too_long = msgspec.structs.replace(run, input_data=["x" * (VARIABLE_LIMIT - len('INPUT=[""]'))])
    with pytest.raises(NoInputError, match="put it into a channel"):
        input_variables(too_long)

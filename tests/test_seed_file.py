"""A seed file: what it may say, and a plain sentence for what it may not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.platform import Platform
from abeja_emulator.seed_document import SeedDocument
from abeja_emulator.seed_file import SeedFile
from abeja_emulator.seeding import SeedError
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.security.rules import Cidrs
from abeja_emulator.wire.credentials import Credential

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A Platform that no client reaches."""
    with Platform() as platform:
        yield platform


def put(platform: Platform, folder: Path, text: str) -> SeedFile:
    """Read a YAML file of that text and put it on a platform."""
    (folder / "seed.yaml").write_text(text, encoding="utf-8")
    seed = SeedFile(folder / "seed.yaml")
    seed.put(platform)
    return seed


IDS = """
organization: {name: my-org, id: 1102940376065}
channels: [{name: logs, id: 1230000000001, files: []}]
datasets: [{id: 1_230_000_000_002, items: [{content: one, attributes: {id: 5}}], props: {id: 6}}]
"""


def test_ids_may_be_numbers(platform: Platform, tmp_path: Path) -> None:
    """YAML makes one of an id without quotes; what else is called `id` stays as it is."""
    seed = put(platform, tmp_path, IDS)
    assert seed.document.organization.id == "1102940376065"
    (dataset,) = platform.look.datasets()
    assert dataset.dataset_id == "1230000000002"
    assert "1230000000001" in [channel.channel_id for channel in platform.look.channels()]
    assert dataset.props == {"id": 6}
    assert [item.attributes for item in platform.look.items(dataset.dataset_id)] == [{"id": 5}]


def test_ids_in_json(tmp_path: Path) -> None:
    """The same there."""
    path = tmp_path / "seed.json"
    for identifier in (1102940376065, "1102940376065", None):
        path.write_text(json.dumps({"organization": {"id": identifier}}))
        assert SeedFile(path).document.organization.id == (identifier and str(identifier))


def test_an_empty_file_says_nothing(platform: Platform, tmp_path: Path) -> None:
    put(platform, tmp_path, "# nothing yet")
    assert platform.look.datasets() == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "a seed file must be a mapping, not a list"),
        ("just words", "a seed file must be a mapping, not text"),
        ("0", "a seed file must be a mapping, not a number"),
        ("1: a", "a name in it is no text; put it in quotes"),
        (
            "dataset: []",
            f"unknown field `dataset`; known are {', '.join(SeedDocument.__struct_fields__)}; did you mean `datasets`?",
        ),
        ("organization:", "organization must be a mapping, not nothing"),
        ("organization: {id: 1.5}", "organization.id must be text, not a number; put it in quotes"),
        ("organization: {id: true}", "organization.id must be text, not a truth value; put it in quotes"),
        ("users: [{}]", "users[0]: missing required field `token`"),
        ("users: [{token: a, role: root}]", "users[0].role must be admin, developer or regular, not 'root'"),
        ("users: [{token: a, role: true}]", "users[0].role must be text, not a truth value; put it in quotes"),
        ("cidrs: [{description: a}]", "cidrs[0]: missing required field `cidr`"),
        ("cidrs: [{cidr: a, about: b}]", "cidrs[0]: unknown field `about`; known are cidr, description"),
        ("cidrs: [10]", "cidrs[0] must be text or a mapping, not a number; put it in quotes"),
        ("users: [{token: a}, {token: 2024-01-01}]", "users[1].token must be text, not a date; put it in quotes"),
        ("bearer_tokens: secret", "bearer_tokens must be a list, not text"),
        ("channels: [{name: 5}]", "channels[0].name must be text, not a number; put it in quotes"),
        ("channels: [{name: a, id: [1]}]", "channels[0].id must be text, not a list"),
        (
            "channels: [{name: a, files: [5]}]",
            "channels[0].files[0] must be text or a mapping, not a number; put it in quotes",
        ),
        (
            "channels: [{name: a, files: [{name: b}]}]",
            "channels[0].files[0]: unknown field `name`; known are file, content_type, metadata, lifetime",
        ),
        (
            "channels: [{name: a, files: [{file: b, metadata: {c: 1}}]}]",
            "each value of channels[0].files[0].metadata must be text, not a number; put it in quotes",
        ),
        (
            "channels: [{name: a, files: [{file: b, metadata: {1: c}}]}]",
            "channels[0].files[0].metadata: a name in it is no text; put it in quotes",
        ),
        ("datasources: [{secret: 5}]", "datasources[0].secret must be text, not a number; put it in quotes"),
        (
            "datasources: [{display_name: a}]",
            "datasources[0]: unknown field `display_name`; known are name, id, secret, channels",
        ),
        ("datasets: [{items: {a: b}}]", "datasets[0].items must be a list, not a mapping"),
    ],
)
def test_what_it_may_not_say(tmp_path: Path, text: str, sentence: str) -> None:
    """Where in the file, and what must stand there, in no words of a library."""
    path = tmp_path / "seed.yaml"
    path.write_text(text)
    with pytest.raises(SeedError) as refused:
        SeedFile(path)
    assert str(refused.value) == f"{path}: {sentence}"


PEOPLE = """
users:
  - {token: token-of-an-admin}
  - {token: token-of-a-regular, email: r@example.com, role: regular, id: 1230000000003}
cidrs: [192.0.2.0/24, {cidr: 203.0.113.7, description: home}]
"""


def test_people_and_networks(platform: Platform, tmp_path: Path) -> None:
    """Users have the role and the id that the file says, and the list has the networks."""
    put(platform, tmp_path, PEOPLE)
    accounts = Accounts(platform.world)
    _, admin, regular = accounts.users.slice(platform.organization.id)
    assert (admin.role, admin.email) == ("admin", "user@example.com")
    assert (regular.role, regular.email, regular.id) == ("regular", "r@example.com", "1230000000003")
    entries, _ = Cidrs(platform.world).select(platform.organization.id)
    assert [(each.cidr, each.description) for each in entries] == [("192.0.2.0/24", None), ("203.0.113.7/32", "home")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("users: [{token: secret-of-the-test, id: 12}]", ["users[0]: ", "13 digits"]),
        ("users: [{token: secret-of-the-test, id: 1230000000003}, {token: b, id: 1230000000003}]", ["users[1]: "]),
        ("cidrs: [office]", ["cidrs[0]: ", "'office'"]),
        ("cidrs: [192.0.2.0/24, 192.0.2.0/24]", ["cidrs[1]: ", "on the list already"]),
    ],
)
def test_people_and_networks_that_cannot_be(platform: Platform, tmp_path: Path, text: str, words: list[str]) -> None:
    """One sentence that names the part, without a token, and nothing of the file is there."""
    with pytest.raises(SeedError) as refused:
        put(platform, tmp_path, text)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path / 'seed.yaml'}: {words[0]}")
    assert all(word in said for word in words)
    assert "secret-of-the-test" not in said
    assert Accounts(platform.world).users.count(platform.organization.id) == 1
    assert Cidrs(platform.world).select(platform.organization.id)[0] == []


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder is none, whatever it is called."""
    with pytest.raises(SeedError) as refused:
        SeedFile(tmp_path)
    assert str(refused.value) == f"{tmp_path} cannot be read: Is a directory"


def test_a_source_beside_the_file_or_among_the_samples(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of one's own wins, wherever the run was started."""
    (tmp_path / "data" / "points" / "mine").mkdir(parents=True)
    (tmp_path / "data" / "points" / "mine" / "1.txt").write_text("one")
    monkeypatch.chdir(tmp_path)
    put(platform, tmp_path / "data", "datasets: [{source: points}, {source: shapes}, {source: ../data/points}]")
    counts = [len(platform.look.items(dataset.dataset_id)) for dataset in platform.look.datasets()]
    assert [dataset.name for dataset in platform.look.datasets()] == ["points", "shapes", "points-2"]
    assert counts[0] == counts[2] == 1
    assert counts[1] > 1


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"source": "shape"}, ["there is no folder and no file 'shape' in ", "called points, ", "mean 'shapes'?"]),
        ({"source": ""}, ["'' names no data, only a folder that the seed file is in; name a folder or a file"]),
        ({"source": ".."}, ["'..' names no data"]),
        ({"source": "x" * 300}, [f"no file '{'x' * 80}… (300 characters)' in "]),
        ({"source": "shapes", "items": []}, ["a dataset has either a source or items"]),
        ({"source": "shapes", "id": "12"}, ["an id of the platform is 13 digits"]),
    ],
)
def test_datasets_that_cannot_be(platform: Platform, tmp_path: Path, part: dict[str, Any], words: list[str]) -> None:
    """Which one of them and why; nothing of the file is put there then."""
    with pytest.raises(SeedError) as refused:
        put(platform, tmp_path, json.dumps({"channels": [{"name": "a"}], "datasets": [{"source": "points"}, part]}))
    assert str(refused.value).startswith(f"{tmp_path / 'seed.yaml'}: datasets[1]: ")
    for word in words:
        assert word in str(refused.value)
    assert platform.look.datasets() == []
    assert platform.look.channels() == []


@pytest.mark.parametrize(("name", "shown"), [("a.csv", "a.csv"), ("x" * 300, f"{'x' * 80}… (300 characters)")])
def test_a_file_of_a_channel_that_is_not_there(platform: Platform, tmp_path: Path, name: str, shown: str) -> None:
    with pytest.raises(SeedError) as refused:
        put(platform, tmp_path, f"channels: [{{name: a, files: [{name}]}}]")
    assert str(refused.value).endswith(f": channels[0]: there is no file '{shown}' in {tmp_path}")


SOURCES = """
channels: [{name: logs, id: 1230000000001}, {name: other}]
datasources:
  - {name: sensors, id: 1230000000004, secret: secret-of-the-sensors, channels: [logs, other]}
  - {channels: [1230000000001]}
"""


def test_data_sources(tmp_path: Path) -> None:
    """They are linked to channels by name or by id, and are let in with the secret of the file."""
    with Platform(auth="strict") as platform:
        put(platform, tmp_path, SOURCES)
        with platform.world.store.reading():
            sources = [row.record for row in Accounts(platform.world).datasources.all()]
        named, other = sorted(sources, key=lambda source: source.datasource_id, reverse=True)
        (logs,) = [each.channel_id for each in platform.look.channels() if each.name == "logs"]
        assert (named.datasource_id, named.display_name, named.secret) == (
            "1230000000004",
            "sensors",
            "secret-of-the-sensors",
        )
        assert (len(named.channels), other.channels, logs) == (2, ["1230000000001"], "1230000000001")
        with platform.world.store.reading():
            credential = Credential("datasource", "1230000000004", "secret-of-the-sensors")
            assert Accounts(platform.world).caller(credential).channels == tuple(named.channels)
        assert "secret-of-the-sensors" in platform.secrets()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("datasources: [{channels: [logs]}]", "datasources[0]: channel 'logs' does not exist"),
        ("datasources: [{id: 12}]", "datasources[0]: an id of the platform is 13 digits"),
        ("datasources: [{secret: ''}]", "datasources[0]: the secret of a data source is empty"),
        (
            "datasources: [{id: 1230000000004}, {id: 1230000000004}]",
            "datasources[1]: the id 1230000000004 is another data source's",
        ),
        (
            "channels: [{name: a}, {name: a}]\ndatasources: [{}, {channels: [a]}]",
            "datasources[1]: 2 channels of the document are named 'a'; give them ids",
        ),
    ],
)
def test_data_sources_that_cannot_be(platform: Platform, tmp_path: Path, text: str, sentence: str) -> None:
    """It says which, and nothing of the file is there."""
    with pytest.raises(SeedError) as refused:
        put(platform, tmp_path, text)
    assert f"seed.yaml: {sentence}" in str(refused.value)
    with platform.world.store.reading():
        assert not list(Accounts(platform.world).datasources.all())

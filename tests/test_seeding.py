"""From folders, lists, JSON and YAML to datasets, as the SDK reads them; the rest is in `test_seeding_*`."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from abeja.datalake.client import Client as DatalakeClient
from abeja.datasets import Client

from abeja_emulator.seeding import SeededDataset, SeedError

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

POINTS = Path(__file__).parents[1] / "fixtures" / "points"


def read(dataset_id: str) -> list[tuple[bytes, Any]]:
    """Return content and attributes of each item, read by the SDK."""
    items = Client().get_dataset(dataset_id).dataset_items.list(prefetch=False)
    return [(item.source_data[0].get_content(), item.attributes) for item in items]


def labels_of(dataset_id: str) -> list[Any]:
    """Return the label of each item, read by the SDK."""
    return [attributes["classification"][0]["label"] for _, attributes in read(dataset_id)]


def test_a_folder_of_labels(abeja: Platform) -> None:
    """One label for each sub-folder, with the ids that the dataset's props say; files with name and type."""
    dataset = abeja.seed.dataset(POINTS)
    files = sorted(POINTS.rglob("*.json"))
    found = read(dataset)
    assert [content for content, _ in found] == [path.read_bytes() for path in files]
    assert [attributes["classification"][0]["label"] for _, attributes in found] == [path.parent.name for path in files]
    assert (dataset.name, dataset.labels, dataset.total_count) == ("points", ("left", "right", "top"), len(files))
    known = Client().get_dataset(dataset)
    assert (known.type, known.total_count) == ("classification", len(files))
    ids = {label["label"]: label["label_id"] for label in known.props["categories"][0]["labels"]}
    for _, attributes in found:
        (one,) = attributes["classification"]
        assert (one["category_id"], one["label_id"]) == (1, ids[one["label"]])
    (first, *_) = DatalakeClient().get_channel(dataset.channel_id).list_files()
    assert (first.metadata["filename"], first.content_type) == (files[0].name, "application/json")


def test_a_flat_folder(abeja: Platform, tmp_path: Path) -> None:
    """No labels and no category; hidden files are not data."""
    for name in ("b.txt", "a.txt", ".hidden", "__pycache__/x.pyc", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    dataset = abeja.seed.dataset(str(tmp_path), "flat")
    assert read(dataset) == [(b"a.txt", {}), (b"b.txt", {})]
    known = Client().get_dataset(dataset)
    assert (known.name, known.type, known.props, dataset.labels) == ("flat", "custom", {}, ())


def test_lists(abeja: Platform, tmp_path: Path) -> None:
    """Pairs and mappings, of paths, bytes, text and JSON; a label is text whatever it was."""
    (tmp_path / "file.bin").write_bytes(b"\x00\xff")
    dataset = abeja.seed.dataset(
        [
            (tmp_path / "file.bin", "a"),
            [b"bytes", 1],
            ("text", None),
            {"content": {"x": [1]}, "label": "a", "content_type": "application/geo+json", "metadata": {"キー": "値 "}},
            {"content": "own", "attributes": {"custom": [1]}, "label": "ignored"},
        ],
        "list",
    )
    assert [content for content, _ in read(dataset)] == [b"\x00\xff", b"bytes", b"text", b'{"x": [1]}', b"own"]
    assert dataset.labels == ("a", "1", "ignored")
    assert read(dataset)[2][1] == {}
    assert read(dataset)[4][1] == {"custom": [1]}
    files = list(DatalakeClient().get_channel(dataset.channel_id).list_files())
    assert [file.content_type for file in files] == [
        "application/octet-stream",
        "application/octet-stream",
        "text/plain",
        "application/geo+json",
        "text/plain",
    ]
    assert files[3].metadata["キー"] == "値 "


def test_source_data_of_its_own(abeja: Platform) -> None:
    """Nothing is uploaded for it."""
    data = [{"data_uri": "https://example.com/a.png", "data_type": "image/png"}]
    dataset = abeja.seed.dataset([{"source_data": data, "label": "a"}])
    assert abeja.look.items(dataset)[0].source_data == data
    assert abeja.look.files(dataset.channel_id) == []


@pytest.mark.parametrize("suffix", ["json", "yaml", "yml"])
@pytest.mark.parametrize("whole", [True, False])
def test_files(abeja: Platform, tmp_path: Path, suffix: str, *, whole: bool) -> None:
    """Of a dataset or of just its items; paths are relative to the file. JSON is YAML, too."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.txt").write_text("x")
    items = [{"file": "data/x.txt", "label": "cat"}, {"content": "y", "label": "dog"}]
    given: Any = {"name": "pets", "type": "custom", "props": {"mine": 1}, "items": items} if whole else items
    path = tmp_path / f"animals.{suffix}"
    path.write_text(json.dumps(given))
    dataset = abeja.seed.dataset(path)
    assert [content for content, _ in read(dataset)] == [b"x", b"y"]
    assert labels_of(dataset) == ["cat", "dog"]
    known = Client().get_dataset(dataset)
    assert (known.name, known.type) == (("pets", "custom") if whole else ("animals", "classification"))
    assert (known.props == {"mine": 1}) == whole


def test_labels_take_their_ids_from_props_that_name_them(abeja: Platform) -> None:
    """The ids may start anywhere, and be in several categories."""
    props = {
        "categories": [
            {"category_id": 7, "name": "kind", "labels": [{"label_id": 10, "label": "cat"}]},
            {"category_id": 8, "name": "other", "labels": [{"label_id": 3, "label": "dog"}, {"label_id": 4}]},
        ]
    }
    dataset = abeja.seed.dataset([("a", "dog"), ("b", "cat")], props=props)
    found = [attributes["classification"][0] for _, attributes in read(dataset)]
    assert [(one["category_id"], one["label_id"]) for one in found] == [(8, 3), (7, 10)]
    with pytest.raises(SeedError, match="label 'cow', but the labels in props are 'cat', 'dog'"):
        abeja.seed.dataset([("a", "cow")], props=props)
    free_ones: list[Any] = [[], {"categories": "none"}, {"categories": [{"labels": [{"label_id": 1}]}, 5]}]
    for free in free_ones:
        assert labels_of(abeja.seed.dataset([("a", "cow")], props=free)) == ["cow"]


def test_names_that_are_taken_get_a_number(abeja: Platform) -> None:
    """Unless the name was given: then the platform refuses it, and nothing is left of the attempt."""
    names = [abeja.seed.dataset(POINTS).name for _ in range(3)]
    assert names == ["points", "points-2", "points-3"]
    assert [abeja.seed.dataset({"name": "points", "items": []}).name, abeja.seed.dataset([]).name] == [
        "points-4",
        "dataset",
    ]
    channels = len(abeja.look.channels())
    with pytest.raises(Exception, match="points"):
        abeja.seed.dataset(POINTS, "points")
    assert len(abeja.look.channels()) == channels


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([("a", "b"), ("c", "d", "e")], "item 1 cannot be read: an item is a pair"),
        (["ab"], "item 0 cannot be read: an item is a pair .* not 'ab'"),
        ([("a", "b"), {"file": "missing.png"}], "item 1 cannot be read: .*missing.png"),
        ([(Path("missing.png"), "b")], "item 0 cannot be read: .*missing.png"),
        ([{"label": "x"}], "item 0 cannot be read: an item has exactly one of file, content and source_data"),
        ([{"file": "a", "content": "b"}], "item 0 cannot be read: an item has exactly one"),
        ([{"content": "a", "lable": "x"}], "item 0 cannot be read: unknown keys 'lable'; an item has attributes"),
        ([{"content": "a", 5: "x"}], "item 0 cannot be read: unknown keys '5'"),
        ([(object(), "x")], "item 0 cannot be read: Object of type object is not JSON serializable"),
        ([{"content": "a", "metadata": "x"}], "item 0 cannot be read: metadata is a mapping"),
        ({"itmes": []}, "unknown keys 'itmes'; a dataset has items, name, props, type"),
        ({"name": "x"}, "a dataset needs a list of items, not NoneType"),
        (5, "a dataset needs a list of items, not int"),
    ],
)
def test_what_cannot_be_read_is_named(abeja: Platform, items: Any, why: str) -> None:
    """The item, the reason; and nothing is on the platform then."""
    with pytest.raises(SeedError, match=why):
        abeja.seed.dataset(items)
    assert (abeja.look.datasets(), abeja.look.channels()) == ([], [])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", b"{", "a.json is not JSON"),
        ("a.yaml", b"{", "a.yaml is not YAML"),
        ("a.png", b"\x89PNG\xff", "a.png is neither JSON nor YAML"),
        ("a.json", b"5", "a.json: a dataset needs a list of items, not int"),
        ("a.yaml", b"", "a.yaml: a dataset needs a list of items, not NoneType"),
        ("a.json", b'[{"label": 1}]', "a.json: item 0 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    abeja: Platform, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    """Whatever is wrong with it."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SeedError, match=why):
        abeja.seed.dataset(tmp_path / name)


def test_a_source_that_is_nowhere_or_empty(abeja: Platform, tmp_path: Path) -> None:
    """The error says where was looked."""
    with pytest.raises(SeedError, match="no folder and no file 'flowers'"):
        abeja.seed.dataset("flowers")
    (tmp_path / "label").mkdir()
    with pytest.raises(SeedError, match=r"holds no files; put them in one sub-folder for each label"):
        abeja.seed.dataset(tmp_path)


def test_a_seeded_dataset_is_its_id(abeja: Platform) -> None:
    """As text, in JSON and in a URL; a copy, in this process or in another, knows the same."""
    dataset = abeja.seed.dataset([("a", "x")], "mine")
    assert dataset == dataset.dataset_id
    assert type(dataset.dataset_id) is str
    assert json.loads(json.dumps(dataset)) == dataset.dataset_id
    for other in (copy.copy(dataset), copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert isinstance(other, SeededDataset)
        assert (other, vars(other)) == (dataset, vars(dataset))


def test_a_description_that_is_no_text_is_refused(abeja: Platform) -> None:
    """It would make the channel unreadable; whoever gives a list means files."""
    wrong: Any = [b"content"]
    with pytest.raises(TypeError, match=r"is text, not list; files come into it by abeja\.seed\.file"):
        abeja.seed.channel("mine", wrong)


def test_channels_and_files(abeja: Platform, tmp_path: Path) -> None:
    """Of bytes, of text and of a path; an unknown channel is an error."""
    channel = abeja.seed.channel("mine", "why")
    (tmp_path / "a.csv").write_text("1,2")
    files = [
        abeja.seed.file(channel, b"bytes"),
        abeja.seed.file(channel, "text", metadata={"n": 5}, lifetime="1day"),  # type: ignore[dict-item]
        abeja.seed.file(channel, tmp_path / "a.csv", content_type="text/x-csv"),
    ]
    found = [DatalakeClient().get_channel(channel).get_file(file) for file in files]
    assert [file.get_content(cache=False) for file in found] == [b"bytes", b"text", b"1,2"]
    assert found[1].metadata["n"] == "5"
    assert found[2].metadata["filename"] == "a.csv"
    assert [file.content_type for file in abeja.look.files(channel)][1:] == ["text/plain", "text/x-csv"]
    with pytest.raises(Exception, match="1000000000000"):
        abeja.seed.file("1000000000000", b"x")


@pytest.mark.abeja(auth="strict")
def test_accounts(abeja: Platform) -> None:
    """A user, a bearer token, a data source and an organization, each good for what it is made for."""
    user = abeja.seed.user("their-token", "them@example.com")
    abeja.seed.bearer_token("bearer", user.id)
    other = abeja.seed.organization("other", "1234567890123")
    source = abeja.seed.datasource("sensor")
    assert (other.id, user.email, source.display_name) == ("1234567890123", "them@example.com", "sensor")

    def status(organization: str, **arguments: Any) -> int:
        url = f"https://api.abeja.io/organizations/{organization}/datasets"
        return requests.get(url, timeout=5, **arguments).status_code

    mine = abeja.organization.id
    assert status(mine, auth=(f"user-{user.id}", "their-token")) == 200
    assert status(mine, headers={"Authorization": "Bearer bearer"}) == 200
    assert status(mine, headers={"Authorization": "Bearer nobody"}) == 401
    assert status(other.id, auth=(f"user-{user.id}", "their-token")) == 403

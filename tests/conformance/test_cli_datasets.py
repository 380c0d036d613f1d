"""The command line client and datasets: made, filled by hand and from a channel, searched, trained on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.seeding import samples_folder
from tests.conformance.client import PATIENCE, shows

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from tests.conformance.client import Abeja

PROPS = {
    "categories": [
        {
            "category_id": 1,
            "name": "cats_dogs",
            "labels": [{"label_id": 1, "label": "cat"}, {"label_id": 2, "label": "dog"}],
        }
    ]
}

ITEM = {
    "source_data": [{"data_uri": "datalake://1234567890123/20200101T000000-x", "data_type": "image/jpeg"}],
    "attributes": {"classification": [{"category_id": 1, "label_id": 1}]},
}

#: The same with another label, as YAML.
ITEM_YAML = """\
source_data:
  - data_uri: datalake://1234567890123/20200101T000000-y
    data_type: image/jpeg
attributes:
  classification:
    - category_id: 1
      label_id: 2
  note: 犬
"""


def dataset(abeja: Abeja, command: str, *arguments: str, code: int = 0) -> Any:
    """Run a command of the group `dataset`, and return what it answers."""
    return abeja("dataset", command, *arguments, code=code).json


@pytest.fixture
def made(abeja: Abeja) -> str:
    """The id of a dataset that the client has made."""
    abeja.write("props.json", json.dumps(PROPS))
    answer = dataset(abeja, "create-dataset", "--name", "animals", "--type", "classification", "--props", "props.json")
    identifier: str = answer["dataset_id"]
    return identifier


def channel_of_pictures(server: Server, count: int) -> str:
    """Make a channel with pictures of cats and dogs, labelled by metadata as the client's help says."""
    channel = server.platform.seed.channel("pictures")
    for number in range(count):
        label = ("cat", "dog")[number % 2]
        metadata = {"label": label, "label_id": str(number % 2 + 1), "filename": f"{label}{number:05}.jpg"}
        server.platform.seed.file(channel, f"{number}".encode(), content_type="image/jpeg", metadata=metadata)
    return channel


def test_datasets(abeja: Abeja, server: Server, made: str) -> None:
    """They are made, described, and deleted; a name is taken once."""
    (record,) = server.platform.look.datasets()
    shown = dataset(abeja, "describe-datasets", "--dataset-id", made)
    shows(shown, record, "dataset_id", "organization_id", "name", "type", "props", "created_at", "updated_at", zone="")
    assert (record.name, record.type, record.props) == ("animals", "classification", PROPS)
    assert shown["total_count"] == 0
    arguments = ("--name", "animals", "--type", "classification", "--props", "props.json")
    said = abeja("dataset", "create-dataset", *arguments, code=1)
    assert said.out == "create-dataset failed.\n"
    assert "400 Bad Request" in said.error
    assert [each["dataset_id"] for each in dataset(abeja, "describe-datasets")] == [made]
    assert dataset(abeja, "delete-dataset", "--dataset-id", made)["dataset_id"] == made
    assert server.platform.look.datasets() == []
    assert dataset(abeja, "describe-datasets") == []


def test_items(abeja: Abeja, server: Server, made: str) -> None:
    """They are made from JSON and YAML, described, searched, changed, and deleted."""
    abeja.write("item.json", json.dumps(ITEM))
    abeja.write("item.yaml", ITEM_YAML)
    for name in ("item.json", "item.yaml"):
        answer = dataset(abeja, "create-dataset-item", "--dataset-id", made, "--payload", name)
        record = server.platform.look.items(made)[-1]
        fields = ("dataset_id", "dataset_item_id", "source_data", "attributes", "created_at", "updated_at")
        shows(answer, record, *fields, zone="")
    first, second = server.platform.look.items(made)
    assert first.attributes == ITEM["attributes"]
    assert second.attributes == {"classification": [{"category_id": 1, "label_id": 2}], "note": "犬"}

    def found(*arguments: str) -> list[int]:
        answer = dataset(abeja, "describe-dataset-items", "--dataset-id", made, *arguments)
        return [item["dataset_item_id"] for item in answer["items"]]

    ids = [first.dataset_item_id, second.dataset_item_id]
    assert found() == ids
    assert found("-q", "label_id:2") == ids[1:]
    assert found("-q", "label_id:3") == []
    one = ("--dataset-id", made, "--dataset-item-id", str(ids[0]))
    assert dataset(abeja, "describe-dataset-items", *one)["source_data"] == first.source_data
    abeja.write("change.json", json.dumps({"attributes": {"note": "changed"}}))
    dataset(abeja, "update-dataset-item", *one, "--payload", "change.json")
    assert server.platform.look.items(made)[0].attributes == {"note": "changed"}
    assert dataset(abeja, "delete-dataset-item", *one)["dataset_item_id"] == ids[0]
    assert [item.dataset_item_id for item in server.platform.look.items(made)] == ids[1:]


def test_import_from_datalake(abeja: Abeja, server: Server, made: str) -> None:
    """Every file of the channel is an item with its label, in calls of at most 500; listed page by page."""
    channel = channel_of_pictures(server, 501)
    said = abeja("dataset", "import-from-datalake", "--channel-id", channel, "--dataset-id", made)
    answer = json.loads(said.out[said.out.index("{") :])
    assert answer == {"channel_id": channel, "dataset_id": made, "dataset_items": 501, "result": "success"}
    assert len(server.platform.calls("create_dataset_item")) == 2
    files, items = server.platform.look.files(channel), server.platform.look.items(made)
    assert [item.source_data for item in items] == [
        [{"data_uri": f"datalake://{channel}/{file.file_id}", "data_type": "image/jpeg"}] for file in files
    ]
    # Metadata are text, and the client leaves them so.
    assert [item.attributes for item in items[:2]] == [
        {"classification": [{"category_id": 1, "label": "cat", "label_id": "1"}]},
        {"classification": [{"category_id": 1, "label": "dog", "label_id": "2"}]},
    ]
    listed = dataset(abeja, "describe-dataset-items", "--dataset-id", made)
    assert listed["total_count"] == 501
    assert [item["dataset_item_id"] for item in listed["items"]] == [item.dataset_item_id for item in items]
    dogs = dataset(abeja, "describe-dataset-items", "--dataset-id", made, "-q", "label:dog")
    assert len(dogs["items"]) == dogs["total_count"] == 250


def test_import_a_part(abeja: Abeja, server: Server, made: str) -> None:
    """As many of each label as are wanted, with the properties and the category that are named."""
    channel = channel_of_pictures(server, 20)
    abeja(
        *("dataset", "import-from-datalake", "--channel-id", channel, "--dataset-id", made, "--category-id", "7"),
        *("--property-metadata-key", "label", "--property-metadata-key", "filename", "--max-size-for-label", "3"),
    )
    attributes = [item.attributes for item in server.platform.look.items(made)]
    assert attributes == [
        {"classification": [{"category_id": "7", "label": label, "filename": f"{label}{number:05}.jpg"}]}
        for label, first in (("cat", 0), ("dog", 1))
        for number in range(first, first + 6, 2)
    ]


def test_import_into_nothing(abeja: Abeja, server: Server) -> None:
    """Is an error."""
    channel = channel_of_pictures(server, 2)
    said = abeja("dataset", "import-from-datalake", "--channel-id", channel, "--dataset-id", "1234567890123", code=1)
    assert "400 Bad Request" in said.error
    assert "1234567890123" in said.error


def test_from_files_to_a_trained_model(abeja: Abeja, server: Server) -> None:
    """With nothing but the client: files to a channel, a dataset of them, a job that learns from it."""
    labels = sorted(folder.name for folder in (samples_folder() / "points").iterdir())
    # Metadata are text, and so are the ids of labels that the client takes from them.
    props = {
        "categories": [
            {
                "category_id": 1,
                "name": "points",
                "labels": [{"label_id": str(number), "label": label} for number, label in enumerate(labels)],
            }
        ]
    }
    abeja.write("props.json", json.dumps(props))
    channel = json.loads(abeja("datalake", "create-channel", "--name", "points").out)["channel"]["channel_id"]
    for number, label in enumerate(labels):
        abeja(
            *("datalake", "upload", "--channel-id", channel, "--recursive", "--retry", "no"),
            *("--metadata", f"label:{label}", "--metadata", f"label_id:{number}"),
            str(samples_folder() / "points" / label),
        )
    made = dataset(abeja, "create-dataset", "--name", "points", "--type", "classification", "--props", "props.json")
    abeja("dataset", "import-from-datalake", "--channel-id", channel, "--dataset-id", made["dataset_id"])
    for file in (samples_folder() / "handlers" / "plain").glob("*.*"):
        abeja.write(f"handler/{file.name}", file.read_bytes())
    abeja.folder /= "handler"
    abeja("training", "create-job-definition")
    abeja("training", "create-version")
    answer = abeja("training", "create-job", "--datasets", f"train:{made['dataset_id']}").json
    job = server.executor.wait(answer["training_job_id"], PATIENCE)
    assert job.status == "Complete", job.log
    assert set(job.artifacts) == {"model.json", "train.log"}
    assert job.statistics.epochs == [1, 2, 3, 4, 5]
    losses = job.statistics["train"]["loss"]
    assert losses == sorted(losses, reverse=True)
    (shown,) = abeja("training", "describe-jobs").json["entries"]
    assert shown["statistics"] == job.statistics[-1]

"""What docs/guide/abeja_dataset.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

from abeja.datasets import Client


def test_a_folder(abeja_dataset):
    points = abeja_dataset("points")

    assert points.labels == ("left", "right", "top")
    assert points.total_count == 60
    assert Client().get_dataset(points).name == "points"


def test_a_list(abeja_dataset):
    texts = abeja_dataset([("good", "positive"), ("bad", "negative")], name="texts")

    items = list(Client().get_dataset(texts).dataset_items.list())
    assert [item.source_data[0].get_content() for item in items] == [b"good", b"bad"]
    assert items[1].attributes["classification"][0]["label"] == "negative"


def test_a_file(abeja_dataset):
    assert abeja_dataset("reviews.yaml").labels == ("positive", "negative")

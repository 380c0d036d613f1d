"""Datasets and their items."""

from .kit import Kit


def check_life_of_a_dataset(kit: Kit) -> None:
    """What is created is shown, listed and counted, and gone once it is deleted."""
    api, organization = kit.api("datasets"), kit.organization
    assert api.list_datasets(organization) == []
    props = {"categories": [{"category_id": 1, "name": "kind", "labels": [{"label_id": 1, "label": "dog"}]}]}
    made = api.create_dataset(organization, "dogs", "classification", props)
    assert made["name"] == "dogs"
    assert made["props"] == props
    assert api.get_dataset(organization, made["dataset_id"])["total_count"] == 0
    assert [each["dataset_id"] for each in api.list_datasets(organization)] == [made["dataset_id"]]
    kit.refused(400, api.create_dataset, organization, "dogs", "classification", props)
    assert api.delete_dataset(organization, made["dataset_id"])["dataset_id"] == made["dataset_id"]
    assert api.list_datasets(organization) == []
    kit.refused(404, api.get_dataset, organization, made["dataset_id"])

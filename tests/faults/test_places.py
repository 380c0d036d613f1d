"""Which calls a fault is about."""

from __future__ import annotations

import pytest

from abeja_emulator.faults.places import Sighting, place_of
from abeja_emulator.services.catalogue import all_operations

OPERATIONS = {each.name: (each.method, each.path) for each in all_operations()}

DATASET = Sighting(None, "get_dataset", "GET", "/organizations/1/datasets/2", "api.abeja.io")
UPLOAD = Sighting(None, "post_channel_file_upload", "POST", "/channels/3/upload", "api.abeja.io")
SERVICE = Sighting(None, "request_service", "POST", "/services/ser-1", "mine.api.abeja.io")
OBJECT = Sighting("s3", "GetObject", "GET", "/bucket/key", "")
WEIGHTS = Sighting("http", None, "GET", "https://weights.example/v1/model.h5", "")
CALLS = {"dataset": DATASET, "upload": UPLOAD, "service": SERVICE, "object": OBJECT, "weights": WEIGHTS}


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("*", ["dataset", "upload", "service"]),
        ("get_dataset", ["dataset"]),
        ("GET /organizations/{organization_id}/datasets/{dataset_id}", ["dataset"]),
        ("get /organizations/{o}/datasets/{d}", ["dataset"]),
        ("GET /organizations/*", ["dataset"]),
        ("/organizations/1/datasets/2", ["dataset"]),
        ("/organizations/1/datasets/3", []),
        ("POST", ["upload", "service"]),
        ("host api.abeja.io", ["dataset", "upload"]),
        ("host *.api.abeja.io", ["service"]),
        ("s3", ["object"]),
        ("s3:GetObject", ["object"]),
        ("s3:PutObject", []),
        ("http", ["weights"]),
        ("https://weights.example/*", ["weights"]),
        ("https://other.example/*", []),
        ("https://weights.example", ["weights"]),
        ("https://weights.*", ["weights"]),
        ("https://weights.example/v1", []),
        ("https://[w]eights.example/*", []),
        ("/organizations/[1]/datasets/2", []),
    ],
)
def test_the_calls_that_a_place_covers(text: str, covered: list[str]) -> None:
    """Of the platform, and of the handler's other worlds, and never of both."""
    place = place_of(text, OPERATIONS)
    assert [name for name, call in CALLS.items() if place.covers(call)] == covered


def test_the_api_is_meant_at_whatever_address_it_is() -> None:
    """A job in a child calls an address of this machine."""
    in_a_child = Sighting(None, "get_dataset", "GET", "/organizations/1/datasets/2", "127.0.0.1")
    for text, covered in (("host api.abeja.io", True), ("host 127.0.0.1", True), ("host *.api.abeja.io", False)):
        assert place_of(text, OPERATIONS).covers(in_a_child) is covered


def test_a_path_of_several_methods_covers_all_of_them() -> None:
    """Where no method is said."""
    place = place_of("/organizations/{organization_id}/datasets/{dataset_id}", OPERATIONS)
    deleting = Sighting(None, "delete_dataset", "DELETE", "/organizations/1/datasets/2", "api.abeja.io")
    below = Sighting(None, "list_dataset_items", "GET", "/organizations/1/datasets/2/items", "api.abeja.io")
    assert place.covers(DATASET)
    assert place.covers(deleting)
    assert not place.covers(UPLOAD)
    assert not place.covers(below)


@pytest.mark.parametrize("text", ["host ::1", "host [::1]"])
def test_a_number_with_colons_is_a_host(text: str) -> None:
    """With its brackets or without."""
    assert place_of(text, OPERATIONS).covers(Sighting(None, None, "GET", "/", "::1"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("host api.abeja.io:443", "it is a name alone, without scheme, port and path"),
        ("host https://api.abeja.io", "it is a name alone"),
        ("/channels/1?limit=2", "leave out what comes from the ? on"),
        ("GET /channels/{channel_id}?limit=2", "leave out what comes from the ? on"),
        ("https://weights.example/a?b=c", "leave out what comes from the ? on"),
        ("s3:", "no operation of the platform is called 's3:'"),
    ],
)
def test_what_would_never_cover_a_call_is_refused(text: str, sentence: str) -> None:
    """A test would wait for it in vain."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        place_of(text, OPERATIONS)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", ["host api.abeja.io", "*", "s3", "s3:GetObject", "http", "https://weights.example/*"])
def test_a_connection_can_fail_where_nothing_has_been_asked_yet(text: str) -> None:
    """A host, everything, another world."""
    assert place_of(text, OPERATIONS).covers_connections


@pytest.mark.parametrize("text", ["get_dataset", "POST", "GET /organizations/*"])
def test_an_operation_is_known_only_once_it_is_asked_for(text: str) -> None:
    """So no connection can fail because of it."""
    assert not place_of(text, OPERATIONS).covers_connections


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("get_datset", "no operation of the platform is called 'get_datset'; did you mean 'get_dataset'?"),
        (
            "zzz",
            "is called 'zzz'; docs/coverage.md names all of them; a place is get_dataset",
        ),
        ("", "'' names no calls; a place is get_dataset"),
        ("get_dataset get_datasets", "'get_dataset get_datasets' names no calls; a place is"),
        ("host", "no operation of the platform is called 'host'"),
        (
            "GET /organizations/{organization_id}/dataset/{dataset_id}",
            "has the path 'GET /organizations/{organization_id}/dataset/{dataset_id}'; did you mean /organizations/",
        ),
    ],
)
def test_a_place_that_there_is_not_is_refused_with_what_there_is(text: str, sentence: str) -> None:
    """A fault of a misspelt operation would never fire."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        place_of(text, OPERATIONS)
    assert sentence in str(caught.value)

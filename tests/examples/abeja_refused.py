"""What docs/guide/abeja_refused.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, BLE001

import urllib.request


def handler(context):
    try:
        urllib.request.urlopen("https://weights.example/vgg16.h5")
    except Exception:
        print("no weights, training from scratch")


def test_it_trains_without_weights(abeja_train, abeja_refused):
    job = abeja_train(handler)

    assert job.log == "no weights, training from scratch"
    assert [call.host for call in abeja_refused] == ["weights.example"]
    assert str(abeja_refused[0]) == "GET https://weights.example/vgg16.h5 (weights.example:443)"


def test_it_fails_without_the_fixture(abeja_train):
    assert abeja_train(handler).status == "Complete"

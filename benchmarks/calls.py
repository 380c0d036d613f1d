"""One call of the SDK in process: beside `responses`, beside a patched adapter, and as the platform fills up."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

from abeja_emulator import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.transports.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import Callable

DATASET = {
    "organization_id": "1100000000001",
    "dataset_id": "1100000000003",
    "name": "shapes",
    "type": "classification",
    "props": {"categories": []},
    "total_count": 1,
    "created_at": "2026-01-02T03:04:05.000000",
    "updated_at": "2026-01-02T03:04:05.000000",
}


@contextmanager
def emulator(items: int = 1) -> Iterator[Callable[[], object]]:
    """Ours, with a dataset of that many items."""
    with Platform() as platform, InProcess(platform), mock.patch.dict(os.environ, platform.credentials()):
        from abeja.datasets import Client

        entry = {"source_data": [{"data_uri": "datalake://1/2", "data_type": "text/plain"}]}
        dataset = platform.seed.dataset([entry] * items, props={"categories": []})
        client = Client()
        yield lambda: client.get_dataset(dataset)


@contextmanager
def lonely() -> Iterator[Callable[[], object]]:
    """Ours, on a platform that has no operation but the one that is called."""
    alone = tuple(each for each in all_operations() if each.name == "get_dataset")
    with mock.patch("abeja_emulator.platform.all_operations", return_value=alone), emulator() as call:
        yield call


def filled() -> AbstractContextManager[Callable[[], object]]:
    """Ours, with 100,000 items."""
    return emulator(100_000)


@contextmanager
def responses_stub() -> Iterator[Callable[[], object]]:
    """`responses` with one canned route."""
    import responses

    with responses.RequestsMock() as stub, mock.patch.dict(os.environ, _credentials()):
        from abeja.datasets import Client

        stub.get("https://api.abeja.io/organizations/1100000000001/datasets/1100000000003", json=DATASET)
        client = Client()

        def call() -> object:
            # It keeps every call; forgetting them is kinder to it than letting it grow.
            stub.calls.reset()
            return client.get_dataset("1100000000003")

        yield call


@contextmanager
def patched_adapter() -> Iterator[Callable[[], object]]:
    """`HTTPAdapter.send` replaced by a canned answer: no retries, no streaming, no other client."""
    from requests import Response
    from requests.adapters import HTTPAdapter

    def send(self: HTTPAdapter, request: object, **options: object) -> Response:
        del self, request, options
        response = Response()
        response.status_code = 200
        response._content = json.dumps(DATASET).encode()
        return response

    with mock.patch.object(HTTPAdapter, "send", send), mock.patch.dict(os.environ, _credentials()):
        from abeja.datasets import Client

        client = Client()
        yield lambda: client.get_dataset("1100000000003")


@contextmanager
def moto_get_item() -> Iterator[Callable[[], object]]:
    """Moto's DynamoDB, `get_item` through boto3."""
    import boto3
    from moto import mock_aws

    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    with mock.patch.dict(os.environ, keys), mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.put_item(TableName="t", Item={"id": {"S": "1"}, "name": {"S": "shapes"}})
        yield lambda: client.get_item(TableName="t", Key={"id": {"S": "1"}})


def _credentials() -> dict[str, str]:
    return {
        "ABEJA_ORGANIZATION_ID": "1100000000001",
        "ABEJA_PLATFORM_USER_ID": "user-1100000000002",
        "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": "token",
    }

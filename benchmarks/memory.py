"""What a process grows by: downloads of large files, and one record overwritten many times."""

from __future__ import annotations

import os

from benchmarks.measure import resident

DOWNLOADS = 60
#: After these the C library's allocator has found the sizes it keeps at hand.
WARM_UP = 10
SIZE = 20 * 1024 * 1024
OVERWRITES = 3_000


def downloads_ours() -> float:
    """Return the MB grown by after 60 downloads of 20 MB from a channel."""
    from abeja_emulator import Platform
    from abeja_emulator.transports.in_process import InProcess

    with Platform() as platform, InProcess(platform):
        os.environ.update(platform.credentials())
        from abeja.datalake import Client

        channel_id = platform.seed.channel("large")
        platform.seed.file(channel_id, os.urandom(SIZE))
        file = next(iter(Client().get_channel(channel_id).list_files()))
        for _ in range(WARM_UP):
            file.get_content(cache=False)
        before = resident()
        for _ in range(DOWNLOADS):
            assert len(file.get_content(cache=False)) == SIZE
        return resident() - before


def downloads_responses() -> float:
    """The same from a canned route of `responses`."""
    import requests
    import responses

    with responses.RequestsMock() as stub:
        stub.get("https://api.abeja.io/file", body=os.urandom(SIZE))
        for _ in range(WARM_UP):
            requests.get("https://api.abeja.io/file", timeout=5)
        before = resident()
        for _ in range(DOWNLOADS):
            assert len(requests.get("https://api.abeja.io/file", timeout=5).content) == SIZE
        return resident() - before


def overwrites_ours() -> float:
    """Return the MB grown by after one item's attributes were replaced 3,000 times."""
    from abeja_emulator import Platform
    from abeja_emulator.transports.in_process import InProcess
    from abeja_emulator.wire.journal import REMEMBERED

    with Platform() as platform, InProcess(platform):
        os.environ.update(platform.credentials())
        from abeja.datasets import APIClient

        dataset = platform.seed.dataset([("text", "label")])
        client = APIClient()

        def overwrite(number: int) -> None:
            client.update_dataset_item(platform.organization.id, dataset, "1", {"number": number, "text": "x" * 1000})

        # The journal remembers so many calls and no more; it is full after these.
        for number in range(REMEMBERED + 100):
            overwrite(number)
        before = resident()
        for number in range(OVERWRITES):
            overwrite(number)
        return resident() - before


def overwrites_moto() -> float:
    """The same with an item of moto's DynamoDB."""
    import boto3
    from moto import mock_aws

    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")  # noqa: S106
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

        def overwrite(number: int) -> None:
            item = {"id": {"S": "1"}, "number": {"N": str(number)}, "text": {"S": "x" * 1000}}
            client.put_item(TableName="t", Item=item)

        for number in range(200):
            overwrite(number)
        before = resident()
        for number in range(OVERWRITES):
            overwrite(number)
        return resident() - before

"""The handler's own S3, mocked by moto, next to a Platform."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws
from moto.core.models import patch_client

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where buckets are made when nobody says otherwise; the one region that S3 wants no constraint for.
REGION = "us-east-1"

#: What a handler finds instead of the shell's variables: no account, no file, no machine that knows one.
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def new_session() -> boto3.Session:
    """Return a session of no account: it keeps what AWS says of its services, which takes long to read."""
    with _variables():
        return boto3.Session(
            aws_access_key_id=VARIABLES["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=VARIABLES["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=VARIABLES["AWS_SESSION_TOKEN"],
            region_name=REGION,
        )


@contextmanager
def mocked_s3(session: boto3.Session | None = None) -> Iterator[Any]:
    """Mock AWS, with variables of no account; yield a client of S3, and put everything back.

    Args:
        session: of the client, from `new_session`; a new one by default.
    """
    with _variables(), mock_aws():
        client = (session or new_session()).client("s3")
        try:
            yield client
        finally:
            client.close()


@contextmanager
def _variables() -> Iterator[None]:
    """Have the variables of no account in the environment, and put the shell's back."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        yield


def mock_earlier_clients() -> None:
    """Let moto answer the clients that were made before it was imported, such as constants of a handler's module.

    Later ones it sees being made. It answers only while it is started.
    """
    for each in gc.get_objects():
        # Not isinstance, which asks proxies for their class, and some import what they stand for then.
        if issubclass(type(each), BaseClient):
            patch_client(each)

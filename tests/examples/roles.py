"""What docs/guide/roles.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import pytest
from abeja.datalake import Client as DatalakeClient
from abeja.datasets import Client
from abeja.exceptions import Forbidden, Unauthorized


def clean_up(client):
    """Yours: delete every dataset."""
    for dataset in client.datasets.list():
        client.datasets.delete(dataset.dataset_id)


@pytest.mark.abeja(auth="strict")
def test_only_developers_clean_up(abeja, abeja_dataset):
    abeja_dataset("points")
    for role in ("regular", "developer"):
        user = abeja.seed.user(f"token-of-{role}", role=role)
        client = Client(credential={"user_id": user.id, "personal_access_token": f"token-of-{role}"})
        if role == "regular":
            with pytest.raises(Forbidden, match="needs the role developer"):
                clean_up(client)
        else:
            clean_up(client)

    assert abeja.look.datasets() == []
    with pytest.raises(Unauthorized):
        clean_up(Client(credential={"auth_token": "of-nobody"}))


@pytest.mark.abeja(auth="strict")
def test_a_camera_keeps_to_its_channel(abeja):
    mine, other = abeja.seed.channel("mine"), abeja.seed.channel("other")
    camera = abeja.seed.datasource("camera", channels=[mine])
    client = DatalakeClient(credential={"datasource_id": camera.datasource_id, "datasource_secret": camera.secret})

    client.get_channel(mine).upload(b"a picture", "image/png")
    with pytest.raises(Forbidden, match="not linked"):
        client.get_channel(other)

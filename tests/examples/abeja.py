"""What docs/guide/abeja.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

from abeja.datalake import Client


def last_line(channel_id):
    """Yours: read the only file of a channel."""
    (file,) = Client().get_channel(channel_id).list_files()
    return file.get_content().decode().splitlines()[-1]


def test_a_channel(abeja):
    channel_id = abeja.seed.channel("logs")
    abeja.seed.file(channel_id, "one\ntwo\n", content_type="text/plain", metadata={"day": "1"})

    assert last_line(channel_id) == "two"
    abeja.assert_called("list_channel_files", times=1)


def test_the_next_test_sees_nothing_of_it(abeja):
    assert abeja.look.channels() == []
    assert abeja.calls() == []

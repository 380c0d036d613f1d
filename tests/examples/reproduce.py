"""What docs/guide/reproduce.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201


def test_a_url_that_is_refused(abeja_train, abeja_faults):
    abeja_faults.add("download_file", url="refused")

    job = abeja_train("train:handler", datasets={"train": "points"})

    assert job.status == "Complete", job.log

"""What docs/guide/options.md shows is run beside this test."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ARG005


def test_the_options(abeja_train):
    job = abeja_train(lambda context: print("trained"))
    assert job.log == "trained"

"""A run to report on: one job that learned, one that failed, one refused statistic, one refused host."""

from __future__ import annotations

from typing import Any

from abeja_emulator.report.records import CallRecord, FaultRecord, JobRecord, ModelRecord, TestRecord


def statistic(epoch: int, **stages: dict[str, Any]) -> dict[str, Any]:
    """Return a statistic as the SDK posts it."""
    return {"num_epochs": 3, "epoch": epoch, "stages": stages}


def call(after: float, path: str, status: int = 200, **fields: Any) -> CallRecord:
    """Return a call."""
    operation = fields.pop("operation", "get_dataset")
    return CallRecord(after=after, method="GET", path=path, operation=operation, status=status, **fields)


def learned() -> TestRecord:
    """Return a test whose job is Complete."""
    return TestRecord(
        test="test_train.py::test_it_learns",
        outcome="passed",
        jobs=[
            JobRecord(
                id="1100000000007",
                name="train-handler:1",
                status="Complete",
                seconds=3.21,
                statistics=[
                    statistic(
                        n, train={"accuracy": n / 4, "loss": 1 / n}, validation={"accuracy": n / 5, "loss": 2 / n}
                    )
                    for n in (1, 2, 3)
                ],
                artifacts={"model.h5": 117_000, "logs/train/events": 2_048, "logs/validation/events": 1, "a.txt": 3},
                log=["Epoch 1/3", "done"],
            )
        ],
        calls=[call(0.001, "/organizations/1/datasets/2", evidence="client")],
        calls_in_all=1,
    )


def failed() -> TestRecord:
    """Return a test whose job is Failed, after a refused statistic and a call to a host that is not allowed."""
    refusal = "one statistic has at most 1048576 characters as escaped JSON; this one has 2000000"
    return TestRecord(
        test="test_train.py::test_<b>bold</b>",
        outcome="failed",
        jobs=[
            JobRecord(
                id="1100000000008",
                name="broken:2",
                status="Failed",
                message="KeyError: '<missing>'",
                seconds=75,
                refused_statistics=[refusal],
                log=["Traceback (most recent call last):", "KeyError: '<missing>'"],
            )
        ],
        calls=[
            call(0.5, "/organizations/1/jobs/8/statistics", 413, operation="update_statistics", evidence="inferred"),
            call(1.5, "/nowhere", 404, operation=None, evidence=None, error="is no operation of the platform"),
        ],
        calls_in_all=42,
        refused_hosts=["refused GET https://weights.example/vgg16.h5: allow it: --abeja-allow-host weights.example."],
    )


def served() -> TestRecord:
    """Return a test with a service that could not start and a run that succeeded."""
    return TestRecord(
        test="test_serve.py::test_it_answers",
        outcome="failed",
        models=[
            ModelRecord(kind="service", id="ser-1", name="shapes", status="FAILED", log=["No module named '<main>'"]),
            ModelRecord(kind="run", id="run-1", name="shapes", status="SUCCEEDED", log=[]),
        ],
        calls=[call(0.5, "/organizations/1/deployments/2", evidence="documented")],
        calls_in_all=1,
    )


def faulted() -> TestRecord:
    """A test with a fault that fired, whose call the client made again, and one that did not."""
    lost = FaultRecord(
        text="create_dataset lost", fired=1, calls=["POST /<datasets>: answer lost"], because=["POST /<datasets> → 200"]
    )
    return TestRecord(
        test="test_train.py::test_it_survives",
        outcome="failed",
        faults=[lost, FaultRecord(text="get_dataset status=503", fired=0)],
        calls=[
            call(0.0, "/datasets", 0, evidence="client", fault="answer lost", done=200),
            call(0.1, "/datasets", evidence="client", because=1),
        ],
        calls_in_all=2,
    )

"""What docs/guide/abeja_serve.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, PTH118, PTH123

import json
import os

import numpy as np
import pytest


def handler(request, context):
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.json")) as file:
        model = json.load(file)
    point = json.loads(request.read())
    scores = np.array([point["x"], point["y"]]) @ np.array(model["weights"]) + np.array(model["bias"])
    return {"content": {"label": model["labels"][scores.argmax()]}, "content_type": "application/json"}


def test_from_training_to_answers(abeja_train, abeja_serve):
    job = abeja_train("train:handler", datasets={"train": "points"})
    served = abeja_serve(handler, result_dir=job)

    answer = served.post(json={"x": -1.0, "y": -0.5})

    assert answer.status_code == 200, served.log
    assert answer.json() == {"label": "left"}
    assert served.post(json={"x": -1.0}).json() == {"status": "unexpected error occurred"}
    assert isinstance(served.exception, KeyError)


@pytest.mark.abeja(image="abeja-inc/all-cpu:18.10")
def test_a_handler_that_yields(abeja_serve):
    def handler(iterator, context):
        for data in iterator:
            yield {"sum": sum(data)}

    with abeja_serve(handler) as served:
        assert served.post(json=[1, 2]).json() == {"sum": 3}
        assert served.health_check().json() == {"status": "ok"}

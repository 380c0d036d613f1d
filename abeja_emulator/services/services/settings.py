"""What a service is to be like, and whether one can be like that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.instance_types import check_instance_type
from abeja_emulator.services.models.records import TrainingModel
from abeja_emulator.services.training.definitions import Definitions

if TYPE_CHECKING:
    from abeja_emulator.services.services.records import Service
    from abeja_emulator.wire.call import World

#: Instance type of a service that names none (`abeja/services/api/client.py`).
DEFAULT_INSTANCE_TYPE = "cpu-0.25"

#: Most instances of a service (help text of the CLI). That the bounds of autoscaling have it too is inferred.
MOST_INSTANCES = 300


def bounds(service: Service) -> tuple[int, int]:
    """Return the least and the most instances of a service.

    Those that nobody set are the number of instances and its double (help text of the CLI), which is at most
    `MOST_INSTANCES`.
    """
    number, least, most = service.instance_number, service.min_instance_number, service.max_instance_number
    return number if least is None else least, min(2 * number, MOST_INSTANCES) if most is None else most


def check_settings(service: Service) -> None:
    """Check the instances of a service.

    Raises:
        BadRequest: when the SDK could not read their type, or their number is out of its bounds. That the number
            lies within the bounds of autoscaling even when that is off is inferred.
    """
    check_instance_type(service.instance_type)
    least, most = bounds(service)
    numbers = {
        "min_instance_number": least,
        "instance_number": service.instance_number,
        "max_instance_number": most,
    }
    for name, number in numbers.items():
        if not 1 <= number <= MOST_INSTANCES:
            message = f"{name} is between 1 and {MOST_INSTANCES}, not {number}"
            raise BadRequest(message)
    if not least <= service.instance_number <= most:
        message = (
            f"instance_number {service.instance_number} is not between min_instance_number {least} and "
            f"max_instance_number {most}"
        )
        raise BadRequest(message)


def models_of(values: dict[str, Any] | None) -> dict[str, str]:
    """Return alias → id of a training model as text, as `datasets_of` of training does for datasets.

    Raises:
        BadRequest: when a model has no alias or no id.
    """
    models = {}
    for alias, model_id in (values or {}).items():
        if not alias or not isinstance(model_id, (str, int)) or isinstance(model_id, bool) or model_id == "":
            message = f"models is an object of alias and id of a training model; not {alias!r}: {model_id!r}"
            raise BadRequest(message)
        models[alias] = str(model_id)
    return models


def check_models(world: World, organization_id: str, models: dict[str, str]) -> None:
    """Check that the models to be mounted are there, whichever job definition of the organization they belong to.

    Raises:
        BadRequest: when one is not.
    """
    for alias, model_id in models.items():
        row = world.store.table("training_model", TrainingModel).find(model_id)
        if row is None or Definitions(world).find(organization_id, row.parent) is None:
            message = (
                f"models has {model_id!r} as {alias!r}, which is no training model of organization {organization_id}"
            )
            raise BadRequest(message)

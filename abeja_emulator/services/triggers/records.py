"""What is kept of triggers."""

from typing import Optional

import msgspec


class Trigger(msgspec.Struct, kw_only=True):
    """A trigger: a version of a deployment's code, over every file that comes into a channel.

    Times are `clock.iso` text; `model_version` is the name of the version, such as `0.0.1`.
    """

    trigger_id: str
    organization_id: str
    deployment_id: str
    models: dict[str, str]
    model_version: str
    model_version_id: str
    input_service_name: str
    input_service_id: str
    output_service_name: Optional[str] = None
    output_service_id: Optional[str] = None
    retry_count: int
    distribution: Optional[int] = None
    user_env_vars: dict[str, str]
    creator_id: str
    created_at: str
    modified_at: str

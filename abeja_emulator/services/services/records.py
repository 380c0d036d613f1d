"""What is kept of services."""

from typing import Optional

import msgspec


class Service(msgspec.Struct, kw_only=True):
    """A service: a version of a deployment's code that answers requests; times are `clock.iso` text.

    The least and the most instances are None where they follow from the number of instances.
    """

    service_id: str
    organization_id: str
    deployment_id: str
    version_id: str
    status: str
    instance_type: str
    instance_number: int
    min_instance_number: Optional[int] = None
    max_instance_number: Optional[int] = None
    enable_autoscale: bool
    environment: dict[str, str]
    models: dict[str, str]
    record_channel_id: Optional[str] = None
    creator_id: str
    created_at: str
    modified_at: str

"""What is kept of services."""

from typing import Optional

import msgspec

#: A service that is started and does not answer yet, one that answers, one that was stopped, one that cannot be
#: started. The last two are inferred: `STOPPED` from the word that start and stop have in their answers, `FAILED` from
#: that of jobs and runs.
STARTING, READY, STOPPED, FAILED = "IN_PROGRESS", "READY", "STOPPED", "FAILED"

#: What listeners are told that a service is once it is gone; no answer shows it.
DELETED = "DELETED"


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

"""What is kept of endpoints."""

import msgspec


class Endpoint(msgspec.Struct, kw_only=True):
    """An endpoint: a fixed address of a deployment that leads to one of its services."""

    endpoint_id: str
    deployment_id: str
    custom_alias: str
    service_id: str

"""What is kept of runs, and what is shown of them."""

from typing import Any, Optional, Union

import msgspec


class Run(msgspec.Struct, kw_only=True):
    """A run: a version of a deployment's code, once, over some input; times are `clock.iso` text.

    Attributes:
        model_version: name of the version, such as `0.0.1`.
        input_data: what the handler gets: a file of the datalake as `{"$datalake:1": "<channel>/<file>"}`, or JSON.
        output_template: where what it returns is to go, as `{"$datalake:1": "<channel>"}`.
        output: where it went, as `{"$datalake:1": "<channel>/<file>"}`. No answer shows it.
        retry_count: how often it may be tried again.
        retries: how often it was. No answer shows it.
        trigger_id: the trigger that made it; None when somebody submitted it.
    """

    run_id: str
    organization_id: str
    deployment_id: str
    models: dict[str, str]
    model_version: str
    model_version_id: str
    input_data: Union[dict[str, Any], list[Any], None] = None
    output_template: Optional[dict[str, Any]] = None
    output: Optional[dict[str, Any]] = None
    retry_count: int
    retries: int = 0
    distribution: Optional[int] = None
    status: str
    user_env_vars: dict[str, str]
    trigger_id: Optional[str] = None
    creator_id: str
    created_at: str
    modified_at: str


class RunView(msgspec.Struct):
    """A run, as the API shows it; what was not given is null."""

    run_id: str
    deployment_id: str
    models: dict[str, str]
    model_version: str
    model_version_id: str
    input_data: Union[dict[str, Any], list[Any], None]
    output_template: Optional[dict[str, Any]]
    retry_count: int
    distribution: Optional[int]
    status: str
    user_env_vars: dict[str, str]
    created_at: str
    modified_at: str

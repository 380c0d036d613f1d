"""What is kept of notebooks."""

from typing import Optional

import msgspec


class Notebook(msgspec.Struct, kw_only=True):
    """A notebook; times are `clock.iso` text, `ready_at` is when one that was started is Active."""

    training_notebook_id: str
    job_definition_id: str
    name: str
    description: Optional[str] = None
    status: str
    status_message: Optional[str] = None
    instance_type: str
    image: str
    notebook_type: str
    creator_id: str
    ready_at: str
    created_at: str
    modified_at: str

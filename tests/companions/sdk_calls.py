"""What a handler does with the SDK."""

from __future__ import annotations

from typing import Any

import pytest


def contents_of(dataset_id: str) -> list[bytes]:
    """Return the content of a dataset's files, fetched ahead in threads by the SDK."""
    datasets: Any = pytest.importorskip("abeja.datasets")
    items = datasets.Client().get_dataset(dataset_id).dataset_items.list(prefetch=True)
    return sorted(item.source_data[0].get_content() for item in items)

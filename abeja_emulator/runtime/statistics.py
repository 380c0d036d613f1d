"""The statistics of a job, as a list and as a table by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Iterator


class Statistics(Sequence[dict[str, Any]]):
    """What a job posted with `update_statistics`, in order.

    `statistics[0]` is the first one as it was posted; `statistics["validation"]["accuracy"]` is a
    column: one value for each statistic, None where it had none.
    """

    def __init__(self, posted: Sequence[dict[str, Any]]) -> None:
        self._posted = list(posted)

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, Any]]: ...
    @overload
    def __getitem__(self, key: str) -> Stage: ...
    def __getitem__(self, key: int | slice | str) -> dict[str, Any] | list[dict[str, Any]] | Stage:
        if not isinstance(key, str):
            return self._posted[key]
        if key not in self.stages:
            message = f"no statistic has a stage {key!r}; the stages are {', '.join(self.stages) or 'none'}"
            raise KeyError(message)
        return Stage(key, [(each.get("stages") or {}).get(key) or {} for each in self._posted])

    def __len__(self) -> int:
        return len(self._posted)

    def __eq__(self, other: object) -> bool:
        return list(self) == other if isinstance(other, (list, Statistics)) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # it holds dicts

    @property
    def stages(self) -> list[str]:
        """Names of the stages, in the order of their first appearance."""
        return list(dict.fromkeys(name for each in self._posted for name in (each.get("stages") or {})))

    @property
    def epochs(self) -> list[Any]:
        """The `epoch` of each statistic, None where it had none."""
        return [each.get("epoch") for each in self._posted]

    def __repr__(self) -> str:
        return f"Statistics({self._posted!r})"

    def __str__(self) -> str:
        named = [(f"{name} {metric}", values) for name in self.stages for metric, values in self[name].items()]
        columns = [[name, *map(_cell, values)] for name, values in [("epoch", self.epochs), *named]]
        widths = [max(map(len, column)) for column in columns]
        return "\n".join("  ".join(text.rjust(width) for text, width in zip(row, widths)) for row in zip(*columns))


class Stage(Mapping[str, list[Any]]):
    """One stage, such as `train`: metric → its value in each statistic."""

    def __init__(self, name: str, rows: list[dict[str, Any]]) -> None:
        self._name = name
        self._rows = rows

    def __getitem__(self, metric: str) -> list[Any]:
        if metric not in list(self):
            message = f"stage {self._name!r} has no {metric!r}; it has {', '.join(self) or 'nothing'}"
            raise KeyError(message)
        return [row.get(metric) for row in self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(metric for row in self._rows for metric in row))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Stage({self._name!r}, {dict(self)!r})"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Labels of items: which id each has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from abeja_emulator.seeding.errors import SeedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.seeding.entries import Entry

#: The category of labels that no properties describe.
_CATEGORY = 1


class Labels:
    """The labels of a dataset, as its items come.

    A label that comes for the first time gets the next id, from 0 on, or the one that its item says. Where the
    properties of the dataset name labels, those are all there are.

    Args:
        props: properties of the dataset, or None: they are to be made of the labels.
    """

    def __init__(self, props: Any) -> None:
        self._named = {str(name): (category, number) for category, number, name in _named_labels(props)}
        self._ids: dict[str, tuple[Any, Any]] = {}
        self._attributes: dict[tuple[str | None, int | None], dict[str, Any]] = {(None, None): {}}

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that came: in the order in which they did, or of their ids where the items say those."""
        if self._named or not self._ids:
            return tuple(self._ids)
        return tuple(sorted(self._ids, key=lambda name: self._ids[name][1]))

    def props(self, name: str) -> dict[str, Any]:
        """Return properties with one category of the labels that came; without any there is no category."""
        labels = [{"label_id": self._ids[label][1], "label": label} for label in self.names]
        return {"categories": [{"category_id": _CATEGORY, "name": name, "labels": labels}]} if labels else {}

    def attributes(self, entry: Entry) -> Any:
        """Return the attributes of an item, and note its label.

        Raises:
            SeedError: when it cannot have that label.
        """
        key = (entry.label, entry.label_id)
        attributes = self._attributes.get(key)
        if attributes is None:
            attributes = self._attributes[key] = self._classified(*key)
        if entry.attributes is not None:
            return entry.attributes
        return {**attributes, **entry.beside} if entry.beside else attributes

    def ids(self, name: str, label_id: int | None = None) -> tuple[Any, Any]:
        """Return category id and label id of a label, and note it.

        Raises:
            SeedError: when an item cannot have it.
        """
        found = self._ids.get(name)
        if found is None or label_id not in {None, found[1]}:
            found = self._named_ids(name, label_id) if self._named else self._free_ids(name, label_id)
            self._ids[name] = found
        return found

    def _classified(self, label: str | None, label_id: int | None) -> dict[str, Any]:
        name = self._name_of(label_id) if label is None else label
        category, number = self.ids(name, label_id)
        return {"classification": [{"category_id": category, "label_id": number, "label": name}]}

    def _name_of(self, label_id: int | None) -> str:
        """Return the label of an id: that of the properties, or else the id as text."""
        if not self._named:
            return str(label_id)
        names = [name for name, (_, number) in self._named.items() if number == label_id]
        if len(names) != 1:
            known = ", ".join(f"{number} ({name!r})" for name, (_, number) in self._named.items())
            message = f"it has the label_id {label_id}, but the labels in props are {known}"
            raise SeedError(message)
        return names[0]

    def _named_ids(self, name: str, label_id: int | None) -> tuple[Any, Any]:
        if name not in self._named:
            message = f"it has the label {name!r}, but the labels in props are {', '.join(map(repr, self._named))}"
            raise SeedError(message)
        category, number = self._named[name]
        if label_id not in {None, number}:
            message = f"it has the label {name!r} with the label_id {label_id}, but that of props is {number}"
            raise SeedError(message)
        return category, number

    def _free_ids(self, name: str, label_id: int | None) -> tuple[int, int]:
        if label_id is None:
            return _CATEGORY, len(self._ids)
        for other, (_, number) in self._ids.items():
            if (other == name) != (number == label_id):
                message = (
                    f"it has the label {name!r} with the label_id {label_id}, but an item before it has the label "
                    f"{other!r} with {number}"
                )
                raise SeedError(message)
        return _CATEGORY, label_id


def _named_labels(props: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield category id, label id and name of each label that properties name; they may be anything."""
    categories = props.get("categories") if isinstance(props, Mapping) else None
    for category in categories if isinstance(categories, list) else []:
        labels = category.get("labels") if isinstance(category, Mapping) else None
        for label in labels if isinstance(labels, list) else []:
            if isinstance(label, Mapping) and "label" in label and "label_id" in label:
                yield category.get("category_id", 1), label["label_id"], label["label"]

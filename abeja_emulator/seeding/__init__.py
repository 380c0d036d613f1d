"""Seed: puts things on a platform from what people have at hand.

That is folders, tables (CSV), JSON, JSON lines, YAML, lists, and whatever else gives one item after the other.
`Seed.dataset` says what an item is; `read_source` reads the same for whoever puts items elsewhere.
"""

from abeja_emulator.seeding.entries import Entry, entry_of, upload_of
from abeja_emulator.seeding.errors import SeedError
from abeja_emulator.seeding.items import Items
from abeja_emulator.seeding.labels import Labels
from abeja_emulator.seeding.seed import Content, Seed, SeededDataset, free_name
from abeja_emulator.seeding.sources import Source, parse_file, read_source, samples_folder

__all__ = [
    "Content",
    "Entry",
    "Items",
    "Labels",
    "Seed",
    "SeedError",
    "SeededDataset",
    "Source",
    "entry_of",
    "free_name",
    "parse_file",
    "read_source",
    "samples_folder",
    "upload_of",
]

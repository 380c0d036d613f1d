"""Numbers that say which part of a listing is wanted."""

from typing import Annotated

import msgspec

#: More than any test lists, and no more than the database counts to.
MOST = 2**31 - 1

#: How many entries a page has at most. That zero and less are refused is inferred.
Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST)]

#: How many entries to skip.
Offset = Annotated[int, msgspec.Meta(ge=0, le=MOST)]

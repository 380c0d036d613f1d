"""Other test libraries next to a Platform, as their users use them."""

"""The program that runs a handler in an interpreter of the user's choice; it needs nothing of this package."""

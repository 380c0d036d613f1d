"""How user code runs."""

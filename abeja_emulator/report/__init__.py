"""What a test run shows: a summary, a section for each failing test, a page with curves."""

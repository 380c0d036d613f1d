"""What a test run shows."""

"""Organizations and credentials."""

"""Organizations, their users and credentials."""

"""State: records in SQLite, bytes in content-addressed blobs, snapshots over both."""

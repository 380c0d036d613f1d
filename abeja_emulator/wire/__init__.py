"""From a request to an operation and back to a response."""

"""How a call reaches a platform: in this process, over the loopback, and in no other way."""

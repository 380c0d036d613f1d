"""What the real SDK is made to do, and what must be true afterwards; any SDK from 1.0.2 on can be put through it.

Each module is about one service and holds checks, functions `check_…(kit)`. They run on Python 3.6 and later with
nothing but the SDK, because they also run in environments that this package is not installed in.
"""

"""Many careless visitors at once, and servers that are killed. See `python -m tests.load --help`."""

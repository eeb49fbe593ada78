"""Many careless visitors at once, and a server that is killed: see `python -m tests.load --help`."""

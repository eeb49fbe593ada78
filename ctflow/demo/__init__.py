"""The recipe of the bundled demo model: `python -m ctflow train demo`."""

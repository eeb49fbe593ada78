"""Data sets on disk: CT-RATE's layout, phantoms written in it, and sets of phantoms for training."""

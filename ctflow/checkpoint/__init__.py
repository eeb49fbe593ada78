"""Checkpoint folders: which there are (catalog), loading and saving them (folder, networks, config, weights)."""

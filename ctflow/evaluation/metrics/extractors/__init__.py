"""Extractors: one file each, and `catalog`, which makes them by their names."""

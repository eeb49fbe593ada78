"""Metrics of whole sets of volumes, real against generated, and the protocols that make their numbers comparable."""

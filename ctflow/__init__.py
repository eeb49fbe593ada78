"""CTFlow: a radiology report in, a whole 3D chest CT out. Light to import: torch comes with `ctflow.pipeline`."""

__version__ = "0.7.0"

"""Files in and out: NIfTI volumes, the JSON beside them that says how they were made, and real scans of many kinds."""

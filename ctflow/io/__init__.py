"""Files in and out: NIfTI volumes and the JSON beside them that says how they were made."""

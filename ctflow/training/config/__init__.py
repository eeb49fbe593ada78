"""What trainings by a config in TOML have in common."""

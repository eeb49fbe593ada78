"""Obedience: does a model draw what its report asks for, and nothing that it denies? `study` is the measurement."""

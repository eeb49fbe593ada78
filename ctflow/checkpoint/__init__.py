"""Checkpoint folders: which there are (catalog), their tensors (weights), and loading and saving them (folder)."""

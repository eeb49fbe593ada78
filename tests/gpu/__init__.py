"""What must be true on a GPU, and `python -m tests.gpu`, which does all that one is needed for."""

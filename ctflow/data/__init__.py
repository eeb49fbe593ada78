"""Data sets on disk: CT-RATE's layout (ctrate), and sets of phantoms (phantoms)."""

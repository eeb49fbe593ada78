"""An A-VAE, tuned on pairs of slices as that of v2 was."""

"""How the demo model is trained: phantoms, then A-VAE, text encoder and transformer, each resumable."""

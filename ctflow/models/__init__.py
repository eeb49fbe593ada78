"""The networks: transformer (stdit), slice autoencoder (avae), text encoder (text), image tower (ctclip)."""

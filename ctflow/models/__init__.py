"""The three networks: the transformer (stdit), the slice autoencoder (avae) and the text encoder (text)."""

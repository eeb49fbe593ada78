"""How fast the product is, against the published way of computing the same."""

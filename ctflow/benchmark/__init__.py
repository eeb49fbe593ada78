"""How fast the product is, compared with the published way of computing the same."""

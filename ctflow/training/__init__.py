"""Training in general: one loop for every network, on one process or on many."""

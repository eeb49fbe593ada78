"""How networks run on this machine: device, precision, CUDA, worker processes."""

"""Networks that make features of pictures, each with the tensor names of its published weights."""

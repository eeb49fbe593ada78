"""What is to be seen of a training while it runs."""

"""What a training that was cut short needs to go on as if it had not been."""

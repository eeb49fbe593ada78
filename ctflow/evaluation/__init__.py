"""How well a model does what it is asked, measured in the volumes it makes."""

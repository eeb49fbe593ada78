"""The whole chain, small: phantoms to a data set, a training, volumes, and the table of results."""

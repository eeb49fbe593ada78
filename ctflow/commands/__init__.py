"""One module for each word after `python -m ctflow`: `add_to` declares its arguments, `run` carries it out.

`arguments`, `asking`, `making`, `model`, `modes` and `question` are what they share.
"""

"""Tables that commands print."""

from collections.abc import Iterable


def print_table(head: str, lines: Iterable[str]) -> None:
    """Prints each line as soon as it is there, the head with the first one: no head stands above an error."""
    for i, line in enumerate(lines):
        print(f"{head}\n{line}" if i == 0 else line, flush=True)

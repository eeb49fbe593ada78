"""What a network learns from, where that changes while it learns."""

from typing import Any, Protocol


class Examples(Protocol):
    """Examples whose number grows while a network is trained. What they remember is saved with the training's state."""

    def grow(self, step: int) -> None:
        """Called before each step, on each process."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Numbers, texts, tensors, and lists and dictionaries of them."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what `state_dict` gave."""
        ...

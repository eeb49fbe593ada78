"""A description of what is trained, written beside its state, so that no other training goes on with that state."""

import json
from pathlib import Path
from typing import Any

from ctflow.errors import RequestError
from ctflow.io.files import write_atomic


def note_plan(path: Path, plan: dict[str, Any], *, begun: bool, write: bool = True) -> None:
    """Writes `plan` to `path` if the training has not `begun`, and else compares it with what is written there.

    `write=False`: for all processes but the main one. Raises RequestError where the two differ, or what is written
    there is damaged: the state could fit all the same, and the training would go on with something else.
    """
    plan = json.loads(json.dumps(plan))  # as it is read back: tuples become lists
    if not begun:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, (json.dumps(plan, indent=2) + "\n").encode())
        return
    found = _read(path) if path.exists() else {}
    differences = [
        f"{key} is {found.get(key)}, not {plan.get(key)}" for key in plan | found if found.get(key) != plan.get(key)
    ]
    if differences:
        raise RequestError(
            f"{path.parent} holds another training than the one asked for, or one that {path.name} does not describe: "
            f"{'; '.join(differences)}. Choose another folder, ask for the same training, or remove this folder."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise RequestError(
            f"{path} cannot be read ({error}), so that nobody knows what is trained there. Bring it back from a copy, "
            "or choose another folder."
        ) from error

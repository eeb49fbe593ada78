"""What a training is of, written beside its state, so that no other one goes on with it."""

import json
from pathlib import Path
from typing import Any

from ctflow.errors import RequestError
from ctflow.io.files import write_atomic


def note_plan(path: Path, plan: dict[str, Any], begun: bool) -> None:
    """Writes `plan` to `path`, or, if the training has begun, compares the two.

    Raises RequestError where they differ: what was trained may fit all the same.
    """
    plan = json.loads(json.dumps(plan))  # tuples are lists there
    if not begun:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, (json.dumps(plan, indent=2) + "\n").encode())
        return
    there = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    differ = [
        f"{key} is {there.get(key)}, not {plan.get(key)}" for key in plan | there if there.get(key) != plan.get(key)
    ]
    if differ:
        raise RequestError(
            f"{path.parent} holds another training than was asked for, or one that {path.name} does not describe: "
            f"{'; '.join(differ)}. Choose another --work, ask for the same, or remove this folder."
        )

"""The forward pass stands in two places for readers of either: they must say the same."""

from pathlib import Path

from ctflow.models import stdit

README = Path(stdit.__file__).with_name("README.md")


def forward_pass(text: str) -> list[str]:
    """The lines from the first to the last one of the pass, without indentation of the block."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "time = time_embedding(t)" in line)
    last = next(i for i, line in enumerate(lines) if "answer = unpatchify(" in line)
    indent = len(lines[first]) - len(lines[first].lstrip())
    return [line[indent:] for line in lines[first : last + 1]]


def test_the_readme_and_the_transformer_explain_the_same_forward_pass() -> None:
    in_readme = forward_pass(README.read_text(encoding="utf-8"))
    assert in_readme == forward_pass(stdit.__doc__ or "")
    assert len(in_readme) == 10

"""What the language's README lists is what there is."""

import re
from pathlib import Path

from ctflow.phantom.language.manner import ACTS

README = Path(__file__).parents[3] / "ctflow" / "phantom" / "language" / "README.md"


def test_the_readme_names_every_section_and_every_file() -> None:
    text = README.read_text(encoding="utf-8")
    assert [act for act in ACTS if f"`{act}`" not in text] == []
    files = {path.name.removesuffix(".toml") for path in (README.parent / "lexicon").glob("*.toml")}
    assert files - set(re.findall(r"\[`(?:lexicon/)?(\w+)(?:\.toml)?`\]", text)) == set()

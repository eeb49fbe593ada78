"""Asked, read, found: per finding what the report says, what the model read in it, and what judges see in the volume.

What the report says is told by the plain rules of the guard, so that it can be told for any model. Each of the three
may be wrong; side by side they show where a finding was lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ctflow.generator import VolumeGenerator
from ctflow.judge import Judge, Verdict
from ctflow.labels import LABELS
from ctflow.models.guard.clauses import clauses
from ctflow.models.guard.lexicon import FINDINGS
from ctflow.models.guard.stance import Stance, denies_everything, is_heading, stance
from ctflow.reading import Mention
from ctflow.report import Report, sentences
from ctflow.volume import Volume


@dataclass(frozen=True)
class FindingRow:
    """One finding. `asked`: what the report says; `read`: what the model shows that it read; `found`: by judge."""

    finding: str
    asked: frozenset[Stance]
    read: tuple[Mention, ...]
    found: Mapping[str, Verdict]

    @property
    def is_spoken_of(self) -> bool:
        """Whether report, model or a judge speaks of it."""
        return bool(self.asked or self.read) or any(one.seen for one in self.found.values())


def compare_findings(
    report: Report, volume: Volume, generator: VolumeGenerator, judges: Sequence[Judge]
) -> list[FindingRow]:
    """A row for every finding that the rules, the model or a judge knows, in the order of CT-RATE's labels."""
    said, read = asked(report), generator.read(report).found
    verdicts = {judge.name: judge.judge(volume) for judge in judges}
    known = dict.fromkeys((*LABELS, *said, *(one.finding for one in read), *_all_of(verdicts.values())))
    return [
        FindingRow(
            finding=finding,
            asked=said.get(finding, frozenset()),
            read=tuple(one for one in read if one.finding == finding),
            found={name: of[finding] for name, of in verdicts.items() if finding in of},
        )
        for finding in known
    ]


def asked(report: Report) -> dict[str, frozenset[Stance]]:
    """By finding, all that the clauses of a report say of it; nothing where they are silent."""
    said: dict[str, set[Stance]] = {finding: set() for finding in FINDINGS}
    for sentence in sentences(report):
        for clause in [] if is_heading(sentence) else clauses(sentence):
            all_denied = denies_everything(clause)
            for finding, stances in said.items():
                stances.add(Stance.DENIED if all_denied else stance(finding, clause))
    return {finding: frozenset(stances - {Stance.SILENT}) for finding, stances in said.items()}


def _all_of(verdicts: Iterable[Mapping[str, Verdict]]) -> list[str]:
    return [finding for of in verdicts for finding in of]


def findings_markdown(rows: Sequence[FindingRow], everything: bool = False) -> str:
    """A table of the findings that report, model or a judge speaks of, or of `everything` that is known."""
    judges = list(dict.fromkeys(name for row in rows for name in row.found))
    shown = [row for row in rows if everything or row.is_spoken_of]
    lines = [
        f"| finding | report says | model read | {''.join(f'{judge} sees | ' for judge in judges)}".rstrip(),
        "|---" * (3 + len(judges)) + "|",
    ]
    for row in shown:
        found = [seen_words(row.found[judge]) if judge in row.found else "–" for judge in judges]
        lines.append("| " + " | ".join([row.finding, said_words(row), read_words(row), *found]) + " |")
    return "\n".join(lines) + "\n"


def said_words(row: FindingRow) -> str:
    """What the report says of a finding; "–" where it is silent."""
    return " and ".join(sorted(one.value for one in row.asked)) or "–"


def read_words(row: FindingRow) -> str:
    """What the model read of it; "–" for nothing."""
    return "; ".join(map(_mention, row.read)) or "–"


def _mention(mention: Mention) -> str:
    words = (mention.size, mention.side, mention.lobe)
    return ", ".join(filter(None, ("asserted" if mention.asserted else "denied", " ".join(filter(None, words)))))


def seen_words(verdict: Verdict) -> str:
    """For example "yes (84 % of 19 with it, 2 % of 71 without)"."""
    answer = "yes" if verdict.seen else "no"
    if verdict.accuracy is None:
        return f"{answer} (never measured)"
    there, absent = verdict.accuracy.seen_there, verdict.accuracy.seen_absent
    parts = [f"{there:.0%} of {verdict.accuracy.n_there} with it"] if there is not None else []
    parts += [f"{absent:.0%} of {verdict.accuracy.n_absent} without"] if absent is not None else []
    return f"{answer} (seen in {', '.join(parts)})"

"""Plain rules that stand guard over what a reader shows of a sentence. No network is asked.

`lexicon` names the findings, `cues` the words that deny, doubt and place, and those that are read in spite of a slip of
the pen: a radiologist adds a line there (how: `lexicon`), and a sentence with what it says to
`tests/models/guard/said.txt`. All else is code. `phrases` finds phrases and `spelling` mends slips; `clauses` cuts a
sentence where it turns; `stance` and `places` tell what a clause says of a finding, and where; `guard` compares that
with what a network read in a clause, `sentence_guard` with what it read in a sentence.
"""

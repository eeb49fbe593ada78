"""Plain rules that stand guard over what a reader shows of a sentence. No network is asked.

`lexicon` names the findings, `cues` the words that deny, doubt and place: a radiologist adds wordings there. `clauses`
cuts a sentence, `stance` and `places` tell what a clause says, and `guard` compares that with what a network read.
"""

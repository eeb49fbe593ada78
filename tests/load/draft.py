"""What a draft of the first chunk costs, on this machine: python -m tests.load.draft [--model DIR]

In seconds of the processor, of which a busy machine takes none away.
"""

import argparse
import time
from collections import Counter

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.generator import ChunkDone, Drafted
from ctflow.pipeline import CTFlow
from ctflow.report import Report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo")
    model = CTFlow.load(find_checkpoint(parser.parse_args().model), "cpu", drafts=True)
    spent_s, at_s = Counter[type](), dict[type, float]()
    began_s = before_s = time.process_time()
    for event in model.stream(model.card.request(Report("Large right pleural effusion."), seed=7)):
        now_s = time.process_time()
        spent_s[type(event)] += now_s - before_s
        at_s.setdefault(type(event), now_s - began_s)
        before_s = now_s
    share = spent_s[Drafted] / spent_s.total()
    print(f"{model.hardware}, {model.precision}: the draft takes {share:.1%} of the volume's time, and is there after")
    print(f"{at_s[Drafted]:.1f} s of the processor, the first slices after {at_s[ChunkDone]:.1f} s")


if __name__ == "__main__":
    main()

"""What a preparation says of the machine's use."""

from ctflow.data.effort import Effort
from ctflow.data.encoding import Outcome


class Clocks:
    """Wall and CPU seconds that the test sets."""

    def __init__(self) -> None:
        self.wall_s, self.cpu_s = 100.0, 50.0

    def effort(self) -> Effort:
        return Effort(2, lambda: self.wall_s, lambda: self.cpu_s)


def test_cores_and_the_share_of_the_a_vae_are_counted_once_the_workers_have_started() -> None:
    clocks = Clocks()
    effort = clocks.effort()
    clocks.cpu_s = 20.0
    effort.add(Outcome(number=2, avae_s=3.0))  # not counted, nor the time before the second one
    clocks.cpu_s = 50.0
    assert effort.summary() == ""
    effort.add(Outcome(number=0, avae_s=30.0, disk_s=5.0))
    clocks.wall_s, clocks.cpu_s = 110.0, 68.0
    effort.add(Outcome(number=1, avae_s=15.0, disk_s=1.5))
    clocks.wall_s, clocks.cpu_s = 120.0, 3.0  # the workers have gone, and their time is no longer seen
    assert effort.summary(cores=2) == (
        "2 cores were 90% busy. Reading and writing aside, all took 1.10 times the A-VAE's own CPU time."
    )
    assert effort.summary(cores=2, gpus=3) == "2 cores were 90% busy. The A-VAE kept its GPUs busy for 50% of the time."


def test_the_share_of_the_a_vae_is_not_said_of_volumes_whose_work_was_not_seen() -> None:
    """Of six phantoms, all was said to take -0.06 times the A-VAE's own time."""
    clocks = Clocks()
    effort = clocks.effort()
    for number in range(3):
        clocks.wall_s, clocks.cpu_s = clocks.wall_s + 1.0, clocks.cpu_s + 2.0
        effort.add(Outcome(number=number, avae_s=3.0, disk_s=2.1))
    assert effort.summary(cores=2) == "2 cores were 100% busy."


def test_nothing_is_said_where_too_little_was_done_or_is_known() -> None:
    assert Clocks().effort().summary() == ""
    unknown = Effort(1, lambda: 0.0, lambda: None)
    for number in range(3):
        unknown.add(Outcome(number=number, avae_s=1.0))
    assert unknown.summary() == ""

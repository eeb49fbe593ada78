"""How busy the cores were is counted from the step on at which all workers have started."""

from ctflow.runtime.busy import BusyCores


class Clocks:
    """Wall and CPU seconds that the test sets."""

    wall_s, cpu_s = 100.0, 50.0

    def cores(self, begin_after: int) -> BusyCores:
        return BusyCores(begin_after, lambda: self.wall_s, lambda: self.cpu_s)


def test_time_counts_between_the_step_that_begins_and_the_last_one() -> None:
    clocks = Clocks()
    cores = clocks.cores(begin_after=2)
    assert [cores.step(), cores.step()] == [False, False] and cores.summary() == ""
    clocks.wall_s, clocks.cpu_s = 110.0, 68.0
    assert cores.step()
    clocks.wall_s = 200.0  # what comes after the last step does not count
    assert cores.passed == (10.0, 18.0) and cores.summary(cores=2) == "2 cores were 90% busy."


def test_nothing_is_said_where_the_system_does_not_tell_cpu_time() -> None:
    cores = BusyCores(1, lambda: 0.0, lambda: None)
    cores.step()
    cores.step()
    assert cores.passed is None and cores.summary() == ""

"""Where nothing can be written any more answers go on, and the log goes on when there is room again."""

import resource
import signal

import pytest

from harness import Box, pause, wait_until


@pytest.fixture
def box(tmp_path):
    with Box(tmp_path, {"directives": True}) as one:
        yield one


def lines_of_requests(box):
    return box.log().count(" INFO request id=")


def test_a_log_that_may_not_grow_costs_lines_and_nothing_else(box):
    """LimitFSIZE= of a unit: what grows beyond it gets SIGXFSZ, which ends a program that does not expect it."""
    assert box.say("[[text=before]] a question") == "before"
    wait_until(lambda: lines_of_requests(box) == 1, what="its line in the log")
    pid = box.process.pid
    size = box.log_file.stat().st_size
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    assert box.say("[[text=meanwhile]] a question") == "meanwhile"
    box.kill("runtime", signal.SIGKILL)
    assert box.say("[[text=after a death]] a question") == "after a death"
    assert box.process.poll() is None
    assert box.log_file.stat().st_size == size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    def told_again():
        box.say("[[text=afterwards]] a question")
        pause.wait(0.05)
        return lines_of_requests(box) > 1

    wait_until(told_again, what="the log goes on")
    assert box.stop() == 0

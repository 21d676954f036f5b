"""A new program on a disk that does not answer: refused in bounded time, while all goes on as before."""

import signal
import threading
import time

import pytest

from harness import descendants, processes, strain, wait_until
from held_file import HeldExec, HeldOpen
from upgrade_box import box, install  # noqa: F401

PATIENCE = 20 + 2 + 8  # what is allowed, the end of what was begun, the look at it


class Beside:
    """Asks again and again meanwhile, and keeps the longest wait for an answer."""

    def __init__(self, box):
        self.box, self.over, self.longest, self.wrong = box, threading.Event(), 0.0, []
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.over.is_set():
            began = time.monotonic()
            status = self.box.get("/healthz").status
            self.longest = max(self.longest, (time.monotonic() - began) / strain())
            if status != 200:
                self.wrong.append(status)
            self.over.wait(0.05)

    def stop(self):
        self.over.set()
        self.thread.join()


@pytest.mark.parametrize("held, words", [(HeldOpen, "the disk does not answer"),
                                         (HeldExec, "its disk does not respond")])
def test_a_new_program_on_a_dead_disk_is_refused_in_time_and_all_goes_on(box, held, words):
    before, open_before = box.services(), box.descriptors()
    install(box.program)
    try:
        disk = held(box.program)
    except OSError as error:
        pytest.skip(f"this user may not hold up a file here: {error}")
    with disk:
        beside = Beside(box)
        try:
            began = time.monotonic()
            box.process.send_signal(signal.SIGUSR2)
            assert box.say("[[text=meanwhile]]") == "meanwhile"
            wait_until(lambda: box.given_up() == 1, PATIENCE, "it is given up\n" + box.log()[-3000:])
            took = time.monotonic() - began
        finally:
            beside.stop()
        told = [line for line in box.log().splitlines() if "event=upgrade.given-up" in line][-1]
        assert words in told, told
        assert took >= 19, "it was waited for"
        assert not beside.wrong and beside.longest < 2, (beside.wrong, beside.longest)
        assert box.say("[[text=as before]]") == "as before"
        assert box.services() == before
        ours = lambda: [command for pid, (_, state, command) in processes().items()
                        if pid in descendants(box.process.pid) and state != "Z" and "preflight" in command]
        wait_until(lambda: not ours(), what="nobody is left waiting for the program")
    wait_until(lambda: box.descriptors() <= open_before, what="no descriptor is left open")
    box.upgrade()
    assert box.services() == before
    assert box.say("[[text=the new one]]") == "the new one"

"""A page of the box that stays open over a whole run: what it did that no page may do, and what its heap came to."""

from __future__ import annotations

import contextlib
import json
import pathlib
import queue
import statistics
import subprocess
import threading
import time

import harness
from violation import Violation

EARLY = 300  # seconds after which the page has seen everything once and its chart is full
AROUND = 150  # seconds; the heap at a moment is the median of the looks so far from it
GROWTH = 0.10  # what the heap may grow by behind EARLY
AT_FIRST = 8 << 20  # bytes; what it may grow by before
ANSWER = 90  # seconds for one question to the browser
CONNECTIONS = 7  # the most that a browser has to one box, and one that it is just closing


class Page:
    """In a browser of its own. `tools`: the folder that tests/web/install has filled."""

    def __init__(self, tools):
        self.tools = pathlib.Path(tools)
        self.python = self.tools / "venv/bin/python"
        self.port = harness.free_port()
        self.process = None
        self.begun = 0.0
        self.faults = []
        self.heaps = []  # (seconds since the page was opened, bytes, nodes, listeners)
        self.answers = queue.Queue()

    def open(self):
        """Once a box listens; the same page for all lives."""
        if self.process:
            return
        program = pathlib.Path(__file__).with_name("page_watch.py")
        self.process = subprocess.Popen([self.python, "-B", program, f"http://127.0.0.1:{self.port}/ui"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        harness.started.append(self.process)
        self.begun = time.monotonic()
        threading.Thread(target=self.listen, daemon=True).start()
        self.await_word("opened")

    def listen(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "fault" in told:
                self.faults.append(told["fault"])
            elif "heap" in told:
                self.heaps.append((round(time.monotonic() - self.begun, 1), told["heap"], told["nodes"], told["listeners"]))
            else:
                self.answers.put(told)
        self.answers.put({})

    def await_word(self, name):
        try:
            told = self.answers.get(timeout=ANSWER)
        except queue.Empty:
            raise Violation("page", f"the browser doesn't answer within {ANSWER} s") from None
        if name not in told:
            raise Violation("page", "the browser has ended")
        return told[name]

    def ask(self, word):
        try:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Violation("page", "the browser has ended") from None

    def check(self):
        """It has done nothing wrong so far, and has its connection."""
        if self.faults:
            told, self.faults = self.faults, []
            raise Violation("page", "; ".join(told[:5]))
        self.ask("live")
        if not self.await_word("live"):
            raise Violation("page", "the page has no connection, though the box is ready")

    def report(self):
        """Bytes of the heap at first, after EARLY seconds and at the end, and all looks at it."""
        if not self.heaps:
            return None
        last, now = self.heaps[-1][:2]
        long = last > 2 * EARLY
        return {"seconds": last, "at_first": self.heaps[0][1], "early": heap_near(self.heaps, EARLY) if long else None,
                "at_the_end": heap_near(self.heaps, last) if long else now, "looks": self.heaps}

    def excess(self):
        """What is wrong with the heap, or ""."""
        told = self.report()
        if told is None:
            return "nobody has looked at the heap of the page"
        end, early = told["at_the_end"], told["early"]
        if early and end > early * (1 + GROWTH):
            return f"the page's heap had {early} bytes after {EARLY} s and {end} after {told['seconds']:.0f} s"
        if not early and end > told["at_first"] + AT_FIRST:
            return f"the page's heap had {told['at_first']} bytes at first and {end} after {told['seconds']:.0f} s"
        return ""

    def close(self):
        """After a last look at its heap."""
        if not self.process:
            return
        with contextlib.suppress(OSError, Violation):
            self.ask("heap")
            self.await_word("looked")
            self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def heap_near(looks, moment):
    """The median of the looks around `moment` seconds."""
    return int(statistics.median(look[1] for look in looks if abs(look[0] - moment) <= AROUND))

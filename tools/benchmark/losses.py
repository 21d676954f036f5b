"""How soon Corral notices that a runtime is gone or stands still, and has the next one launched: from the signal to its own lines in
the log."""

from __future__ import annotations

import os
import re
import signal
import time

import harness
from measure import percentile

FULL = {"kills": 40, "stops": 5}
QUICK = {"kills": 10, "stops": 1}
NOTICED = re.compile(r"/runtime: stopping \(process")
LAUNCHED = re.compile(r"/runtime: starting \(process (\d+)\)")
PATIENCE = 120  # s


class Log:
    """The lines that come from now on, and when."""

    def __init__(self, box):
        self.file = open(box.log_file, errors="replace")
        self.file.seek(0, os.SEEK_END)
        self.rest = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def wait_for(self, *patterns):
        """Milliseconds of time.monotonic() of each."""
        seen = {}
        end = time.monotonic() + PATIENCE
        while len(seen) < len(patterns):
            more = self.file.read()
            if not more:
                if time.monotonic() > end:
                    raise SystemExit("the log never told of a runtime that is gone")
                harness.pause.wait(0.0002)
                continue
            self.rest += more
            for pattern in patterns:
                if pattern not in seen and pattern.search(self.rest):
                    seen[pattern] = time.monotonic() * 1000
        return [seen[pattern] for pattern in patterns]


def answer_whole(box):
    """A loss is rare where it matters. One behind another, without good steps in between, is judged by wider clocks
    (docs/manifests.md#clocks-that-learn)."""
    answer = box.stream(f"[[n=250]] once {time.monotonic_ns()}")
    if answer.status != 200 or not list(answer)[-1].get("done"):
        raise SystemExit(f"a request before the loss was refused or cut: status {answer.status}")


def one(box, number, in_answer):
    """Milliseconds until it was noticed, and until the next process was launched."""
    box.wait_ready()
    if number == signal.SIGSTOP:
        answer_whole(box)
    pid = harness.wait_until(lambda: box.pid_of("runtime"), what="a runtime runs")
    stream = None
    if in_answer:
        # Each time another: what was lost with several processes is refused.
        stream = box.stream(f"[[n=2000]] go on {time.monotonic_ns()}")
        if stream.status != 200 or not next(iter(stream))["message"]["content"]:
            raise SystemExit(f"a request was refused: status {stream.status}")
    with Log(box) as log:
        began = time.monotonic() * 1000
        os.kill(pid, number)
        noticed, launched = log.wait_for(NOTICED, LAUNCHED)
    if stream:
        stream.close()
    return noticed - began, launched - began


def figures(samples):
    out = {}
    for name, values in zip(("noticed", "launched"), zip(*samples)):
        out[name] = {"p50": percentile(sorted(values), 50), "p99": percentile(sorted(values), 99), "max": max(values)}
    return out


def measured(plan, folder, say):
    scenario = {"directives": True, "timing": {"load_ms": 50, "tokens_per_second": 50}}
    model = '[models.restart]\nintensity = 1000\nfirst_backoff = "10ms"\nmax_backoff = "10ms"\n'
    rows = {}
    with harness.Box(folder / "losses", scenario, model=model, log_level="info") as box:
        for name, number, in_answer, times in (("killed, idle", signal.SIGKILL, False, plan["kills"]),
                                               ("killed in an answer", signal.SIGKILL, True, plan["kills"]),
                                               ("stands still in an answer", signal.SIGSTOP, True, plan["stops"]),
                                               ("stands still, idle", signal.SIGSTOP, False, plan["stops"])):
            say(f"a runtime that is lost: {name}, {times} times")
            rows[name] = figures([one(box, number, in_answer) for _ in range(times)])
    return rows


def text(rows):
    lines = [f"{'a runtime is':28}{'noticed: p50':>16}{'p99':>10}{'next launched: p50':>22}{'p99 ms':>10}"]
    for name, row in rows.items():
        noticed, launched = row["noticed"], row["launched"]
        lines.append(f"{name:28}{noticed['p50']:16.1f}{noticed['p99']:10.1f}{launched['p50']:22.1f}{launched['p99']:10.1f}")
    return "\n".join(lines)

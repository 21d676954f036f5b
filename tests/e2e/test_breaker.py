"""A runtime that can't live costs a bounded number of starts: the breaker opens, tries once in a while, and closes when it is
healed or a person says so."""

import json
import os
import re
import subprocess
import time
from datetime import datetime

from admin_cli import done, model_of, services_of
from harness import BIN, Box, pause, wait_until

INTENSITY = 3


def rule(window="60s", retry="2s"):
    # Quick failures go on for max_backoff whatever the rule says; three starts of the program take longer than this.
    return (f'restart = {{ first_backoff = "10ms", max_backoff = "10ms", intensity = {INTENSITY}, '
            f'intensity_window = "{window}", healthy_after = "30s", breaker_retry = "{retry}" }}')


class Crashing(Box):
    """Its runtime dies while it loads, until heal()."""

    def __init__(self, folder, **more):
        super().__init__(folder, {"directives": True, "faults": {"kill_at": {"on": True, "args": {"phase": "load"}}}}, **more)

    def set_faults(self, faults):
        aside = self.folder / "scenario.new"
        aside.write_text(json.dumps({**self.scenario, "faults": faults}))
        aside.replace(self.folder / "scenario.json")

    def heal(self):
        self.set_faults({})

    @property
    def runtime(self):
        return services_of(self)["runtime"]

    def wait_broken(self, starts):
        """Open, after exactly so many starts."""
        def broken():
            now = self.runtime
            return now if now["state"] == "broken" and now["starts"] >= starts else None

        now = wait_until(broken, 30, f"broken after {starts} starts\n{self.log()[-2000:]}")
        assert now["starts"] == starts, now
        return now

    def breaks(self):
        """When it broke, in seconds. By the log: who looks may be late."""
        at = re.findall(r"^(\S+) .*/runtime: broken: failed too often", self.log(), re.M)
        return [datetime.fromisoformat(each).timestamp() for each in at]

    def starts_at_break(self, number):
        """How many there had been when it broke for the `number`th time; by the log, for the retries follow each other
        faster than a busy machine answers."""
        def lives():
            parts = self.log().split("/runtime: broken: failed too often")
            return parts[:number] if len(parts) > number else None

        before = wait_until(lives, 30, f"broken {number} times")
        return sum(part.count("/runtime: starting (process") for part in before)


def test_a_crash_loop_opens_the_breaker_after_a_bounded_number_of_starts(tmp_path):
    box = Crashing(tmp_path, model=rule(retry="1h"))
    box.start(wait_ready=False)
    with_box(box, lambda: check_open(box))


def with_box(box, check):
    try:
        check()
    finally:
        box.__exit__()


def check_open(box):
    # The first start and one for each restart that the rule grants.
    now = box.wait_broken(INTENSITY + 1)
    assert 400 < now["next_try_seconds"] <= 450 and "failed too often" in now["reason"] and "SIGSEGV" in now["reason"]
    assert now["pid"] is None
    model = model_of(box)
    assert model["state"] == "broken" and "failed too often" in model["reason"]
    text = done(box, "status")
    assert "broken" in text and "next try in" in text
    reply = box.chat("hello")
    assert reply.status == 503 and "does not start" in reply.json["error"] and "SIG" not in reply.json["error"], reply.body
    assert box.logged(r'outcome=backend-broken why="failed too often')
    assert 400 < int(reply.headers["Retry-After"]) <= 450, "from its next try"
    assert box.get("/readyz").status == 503
    # Requests don't start it, however many come.
    for _ in range(5):
        assert box.chat("hello").status == 503
    assert box.runtime["starts"] == INTENSITY + 1


def test_why_starts_fail_is_told_from_the_first_one_on(tmp_path):
    """Quick failures are tried again for `max_backoff`; who waits meanwhile reads why."""
    box = Crashing(tmp_path, model='restart = { first_backoff = "4s", max_backoff = "1m", intensity = 3 }')
    box.start(wait_ready=False)

    def check():
        starting = subprocess.Popen([BIN / "corral", "start", "--wait", "--config", box.config_file], stderr=subprocess.PIPE, text=True,
                                    env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")})

        def failed():
            [model] = box.get("/readyz").json["models"]
            return model if model["state"] == "loading" and "next_try_seconds" in model else None

        model = wait_until(failed, what="/readyz tells when it is tried again")
        assert "SIGSEGV" in model["reason"] and 0 <= model["next_try_seconds"] <= 4, model
        told = starting.stderr.readline()
        assert told.startswith("sim:latest  loading: ") and "SIGSEGV" in told, told
        text = done(box, "status")
        assert "SIGSEGV" in text, text
        box.heal()
        assert starting.wait(30) == 0

    with_box(box, check)


def test_half_open_is_one_try_and_one_failure_breaks_it_again(tmp_path):
    box = Crashing(tmp_path, model=rule(retry="2s"))
    box.start(wait_ready=False)

    def check():
        for number in range(4):
            assert box.starts_at_break(1 + number) == INTENSITY + 1 + number, "a single try"
        first, second, third, fourth = box.breaks()[:4]
        assert second - first >= 0.24 and third - second >= 0.49 and fourth - third >= 0.99, box.breaks()
        box.heal()
        wait_until(lambda: box.runtime["state"] == "ready", 20, "healed: the next try closes it")
        starts = box.runtime["starts"]
        assert box.say("[[text=well]]") == "well"
        # Closed: the next crash is answered by a start at once, not by an open breaker.
        box.kill("runtime")
        wait_until(lambda: box.runtime["starts"] == starts + 1 and box.runtime["state"] == "ready", 20, "started again")
        assert box.say("[[text=well again]]") == "well again"

    with_box(box, check)


def test_a_person_closes_the_breaker_at_once(tmp_path):
    box = Crashing(tmp_path, model=rule(retry="1h"))
    box.start(wait_ready=False)

    def check():
        box.wait_broken(INTENSITY + 1)
        # Not healed: as if nothing had happened, so the whole rule again.
        done(box, "start")
        box.wait_broken(2 * (INTENSITY + 1))
        box.heal()
        done(box, "start", "--wait")
        assert box.runtime["state"] == "ready" and box.runtime["starts"] == 2 * (INTENSITY + 1) + 1
        assert box.say("[[text=repaired]]") == "repaired"

    with_box(box, check)


def test_starts_in_a_time_are_bounded_by_the_rule(tmp_path):
    """INTENSITY + 1 starts until it opens, then three within a `breaker_retry` and one for each: a rule of hours, scaled down."""
    retry = 0.5
    box = Crashing(tmp_path, model=rule(retry="500ms"))
    began = time.monotonic()
    box.start(wait_ready=False)

    def check():
        assert box.starts_at_break(1) == INTENSITY + 1

        def tried_on():
            starts = box.runtime["starts"]
            spent = time.monotonic() - began
            assert starts <= INTENSITY + 1 + 3 + spent / retry, (starts, spent)
            return starts >= INTENSITY + 1 + 3 + 4

        wait_until(tried_on, what="it does try: not given up for ever")

    with_box(box, check)


def test_what_a_start_lacked_is_watched_for(tmp_path):
    """A driver or a file that comes late costs seconds, and not the rest of a breaker."""
    box = Crashing(tmp_path, model=rule(retry="1h"))
    box.start(wait_ready=False)

    def check():
        now = box.wait_broken(INTENSITY + 1)
        pause.wait(5)  # two looks that find nothing new
        assert box.runtime["starts"] == now["starts"]
        box.heal()
        (box.package / "libdriver.so").touch()
        wait_until(lambda: box.runtime["state"] == "ready", 20, "started when the file came")
        assert box.say("[[text=repaired]]") == "repaired"

    with_box(box, check)

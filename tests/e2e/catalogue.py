"""A row of the failure catalogue (docs/facts/vendor_ax.md#failures) as a test: how the simulator shows it, what the client
sees, what the log says, and what state follows. `check` runs one row."""

from __future__ import annotations

import dataclasses
import re
import time

from harness import Box, wait_until

WORDS = "one two three four five six seven eight nine ten"

# Short, so that what hangs is found within a test; the longest wait of a row is the tap's, nine seconds.
CLOCKS = """
[models.clocks]
call = "2s"
reset = "4s"
prefill_base = "4s"
decode_stall = "4s"
idle_grace = "500ms"
scrub = "4s"
[models.restart]
first_backoff = "20ms"
max_backoff = "200ms"
intensity = 100
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """One way to meet a row. `client`: "answer" (the right one, whole), "error" (an error that holds `said`), or "gap"/"garbage"
    (what the runtime made of it, nothing of anybody else's). `state`: which processes are new afterwards."""

    id: str
    service: str
    fault: str
    args: dict
    on: object = "once"
    tap: bool = True
    client: str = "answer"
    said: str = ""  # in the error
    status: int = 200
    log: str = ""  # pattern of one line
    state: str = "same"  # "same", "runtime", "tokenizer", "both"
    slowest: float = 15.0  # seconds until the answer's end

    @property
    def name(self):
        return f"{self.id}-{'tap' if self.tap else 'no_tap'}-{self.service}.{self.fault}"


def names(rows):
    return [f"{row.name}-{place}" for place, row in enumerate(rows)]


def pids(box):
    return wait_until(lambda: (t := box.pid_of("tokenizer")) and (r := box.pid_of("runtime")) and (t, r), what="both services run")


def new_processes(before, after):
    changed = [name for name, old, now in zip(("tokenizer", "runtime"), before, after) if old != now]
    return {0: "same", 2: "both"}.get(len(changed), changed[0] if changed else "")


def switch_off(box, row):
    """A process that died of its fault has taken it along."""
    try:
        box.control(row.service, cmd="fault", name=row.fault, on=False, args={})
    except (AssertionError, OSError):
        pass


def text_of(lines):
    return "".join(line.get("message", {}).get("content", "") for line in lines)


def check(folder, row):
    with Box(folder, {"directives": True, "timing": {"tokens_per_second": 100}}, model=CLOCKS, tap=row.tap) as box:
        assert box.say("[[text=the answer before]] the question before") == "the answer before"
        before, logged = pids(box), len(box.log())
        box.fault(row.service, row.fault, row.on, **row.args)
        begun = time.monotonic()
        stream = box.stream(f"[[text={WORDS}]] the question")
        lines = list(stream)
        took = time.monotonic() - begun
        switch_off(box, row)
        see_client(row, stream.status, lines)
        assert took < row.slowest, f"{took:.1f} s"
        see_afterwards(box, row, before)
        said = box.log()[logged:]
        assert not row.log or re.search(row.log, said), f"no line {row.log!r} in\n{said[-6000:]}"


def see_client(row, status, lines):
    """Exactly one end, and text only of this request."""
    text, last = text_of(lines), lines[-1]
    assert "before" not in text, text
    assert status == row.status, last
    assert [line for line in lines[:-1] if line.get("done") or "error" in line] == []
    if row.client == "error":
        assert row.said in last["error"], last
        assert WORDS.startswith(text.strip())
        return
    assert last.get("done") is True, last
    if row.client == "answer":
        assert text == WORDS
    elif row.client == "gap":
        assert text != WORDS and all(word in WORDS.split() for word in text.split()), text
    else:
        assert row.client == "garbage" and text != WORDS


def see_afterwards(box, row, before):
    """Ready, the next answer right, the queue empty, and the processes that should be new are."""
    box.wait_ready()
    assert box.say("[[text=the answer after]] the question after") == "the answer after"
    state = box.get("/readyz").json
    assert state["models"][0]["state"] == "ready" and state["queue"]["waiting"] == 0
    wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 0, what="the lease is back")
    assert new_processes(before, pids(box)) == row.state

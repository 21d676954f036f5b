"""Rows F1 to F8b and F13 of the failure catalogue: trouble with the tokenizer service, with Corral between it and the runtime
(tap) and without. F7 without the tap is a death of the runtime, as F4; F6 and F13 are told apart by nobody but the clock."""

import signal

import pytest

from catalogue import CLOCKS, Row, check, names
from harness import Box, wait_until

# Whichever is seen first: the exit, or that nobody listens any more.
DIED = r"tokenizer: (stopping|starting|waiting).*(killed by SIG|no longer listens on its port)"
PAIR = dict(tap=False, state="both")
ALONE = dict(tap=False, state="runtime")
AWAY = r"WARN tokenizer tap: the tokenizer is away, the text of a piece follows later"
ILL = r"tokenizer: stopping .*The tokenizer service answered with .* to plain texts"
HUNG = r"tokenizer: stopping .*took a call and did not answer it"
CRASHED = r"runtime: .*killed by SIGSEGV. The runtime crashed, as it does when its tokenizer is gone"

ROWS = [
    # F1: the tokenizer dies while an answer runs.
    Row("F1", "tokenizer", "kill_at", {"phase": "decode", "after": 3}, log=DIED, state="tokenizer"),
    Row("F1", "tokenizer", "kill_at", {"phase": "encode"}, log=DIED, state="tokenizer"),
    Row("F1", "tokenizer", "kill_at", {"phase": "encode"}, log=DIED, **PAIR),
    # Before the first text; in the midst of an answer it is an error line at once (test_crash.py).
    Row("F1", "tokenizer", "kill_at", {"phase": "decode"}, log=DIED, **PAIR),
    # F2: it was restarted and knows nobody.
    Row("F2", "tokenizer", "forget_uids", {}),
    Row("F2", "tokenizer", "forget_uids", {}, log=r"killed by SIGABRT. The runtime aborted.*its tokenizer forgot it", **ALONE),
    # F2b: an identity that decoding does not know any more, for ever and for a while.
    Row("F2b", "tokenizer", "unknown_uid", {"route": "/decode"}, on=True, log=AWAY, state="tokenizer"),
    Row("F2b", "tokenizer", "unknown_uid", {"route": "/decode"}),
    # F3: /encode fails; the runtime alone would answer the question before.
    Row("F3", "tokenizer", "status_reply", {"route": "/encode", "status": 500}),
    Row("F3", "tokenizer", "status_reply", {"route": "/encode", "status": 500}, tap=False,
        log=r"WARN run .*The tokenizer service did not answer for the prompt\. Trying again\."),
    # ... for every text: only another process helps.
    Row("F3", "tokenizer", "garbage_reply", {"route": "/encode"}, on=True, state="tokenizer", log=ILL),
    Row("F3", "tokenizer", "status_reply", {"route": "/encode", "status": 500}, on=True, state="tokenizer", log=ILL),
    Row("F3", "tokenizer", "garbage_reply", {"route": "/encode"}, on=True, tap=False, state="both", log=ILL),
    # F4: /encode is cut off, or slower than the runtime's ten seconds.
    Row("F4", "tokenizer", "drop_reply", {"route": "/encode"}),
    Row("F4", "tokenizer", "drop_reply", {"route": "/encode"}, log=CRASHED, **ALONE),
    Row("F4", "tokenizer", "slow_reply", {"route": "/encode", "ms": 10500}, log=HUNG, state="tokenizer", slowest=30),
    # F5: /decode fails. Without the tap a piece that failed twice is missing, and nothing but the runtime's own line says so,
    # which is not kept, because what it prints while it serves may be anybody's words.
    Row("F5", "tokenizer", "status_reply", {"route": "/decode", "status": 500}, on=2),
    Row("F5", "tokenizer", "garbage_reply", {"route": "/decode"}, on=2),
    Row("F5", "tokenizer", "status_reply", {"route": "/decode", "status": 500}, on=2, tap=False, client="gap"),
    # F6: /decode is slow.
    Row("F6", "tokenizer", "slow_reply", {"route": "/decode", "ms": 1200}, on=2),
    Row("F6", "tokenizer", "slow_reply", {"route": "/decode", "ms": 1200}, on=2, tap=False),
    # F7: /decode or /reset take more than ten seconds.
    Row("F7", "tokenizer", "hang", {"route": "/decode"}, log=HUNG, state="tokenizer", slowest=30),
    Row("F7", "tokenizer", "hang", {"route": "/reset"}, log=HUNG, state="tokenizer", slowest=30),
    # F8: /reset fails; the runtime alone would keep the system prompt of the question before.
    Row("F8", "tokenizer", "status_reply", {"route": "/reset", "status": 500}),
    Row("F8", "tokenizer", "status_reply", {"route": "/reset", "status": 500}, on=True, state="tokenizer", log=ILL),
    Row("F8", "tokenizer", "status_reply", {"route": "/reset", "status": 500}, tap=False,
        log=r"WARN run .*did not answer while the runtime was reset\. Trying again\."),
    # F8b: 200 with nothing in it.
    Row("F8b", "tokenizer", "empty_reply", {"route": "/reset"}),
    Row("F8b", "tokenizer", "empty_reply", {"route": "/reset"}, log=r"runtime: (stopping|starting)", **ALONE),
    # F13: half a character in the decode cache.
    Row("F13", "tokenizer", "mute", {}),
    Row("F13", "tokenizer", "mute", {}, tap=False),
]


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_tokenizer_row(tmp_path, row):
    check(tmp_path, row)


@pytest.mark.parametrize("tap", [True, False], ids=["tap", "no_tap"])
def test_F7_a_service_that_takes_connections_and_never_answers_is_replaced_at_a_start_too(tmp_path, tap):
    """It looks well from outside, and each start of the runtime fails on it."""
    with Box(tmp_path, {"directives": True}, model=CLOCKS, tap=tap) as box:
        old = box.kill("tokenizer", signal.SIGSTOP)
        box.kill("runtime")
        wait_until(lambda: box.pid_of("tokenizer") not in (None, old), 60, "another tokenizer")
        box.wait_ready(60)
        assert box.logged("its tokenizer service may be the cause|took a call and did not answer it")
        assert box.say("[[text=well again]]") == "well again"

"""Rows F9 to F12 and F19 to F22 of the failure catalogue: what a request could do to the runtime, and how it is kept from it.

F10 and F12 cannot be provoked through Corral, and F19 and F20 never reach the runtime: it resets first, counts first, clamps, sends
JSON and checks every type. So those tests hold that the runtime was never asked (and the simulator does die of F10 and F12 when
asked directly: tests/sim/trouble_test.py)."""

import threading

import pytest

from catalogue import Row, check, names, pids
from harness import MODEL, Box, wait_until

SMALL = ("--max-token-len", "512", "--chunk", "32", "--groups", "32,128,256")

ROWS = [
    Row("F9", "runtime", "context_full", {}, tap=tap, client="error", status=400, said="does not fit into the model's context",
        log=r"outcome=context-full") for tap in (True, False)
] + [
    Row("F21", "runtime", "busy", {}, on=3, tap=tap) for tap in (True, False)
] + [
    Row("F22", "runtime", "stale_text", {"text": "the text before"}, on=True, tap=tap, log=r"bytes of an earlier answer discarded")
    for tap in (True, False)
]


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_request_row(tmp_path, row):
    check(tmp_path, row)


@pytest.fixture(params=[True, False], ids=["tap", "no_tap"])
def box(tmp_path, request):
    with Box(tmp_path, {"directives": True}, package_flags=SMALL, tap=request.param) as running:
        yield running


def untouched(box, before):
    assert pids(box) == before
    assert box.get("/readyz").status == 200
    assert box.say("[[text=well]]") == "well"


def test_F10_the_first_prompt_of_a_fresh_process_is_too_long(box):
    before = pids(box)
    reply = box.chat("word " * 2000, truncate=False)
    assert reply.status == 400 and "context" in reply.json["error"]
    assert box.logged("outcome=context")
    untouched(box, before)


def test_F11_a_system_prompt_beyond_the_prefill_limit(box):
    before = pids(box)
    resets = box.runtime_state()["resets"]
    reply = box.chat([{"role": "system", "content": "word " * 2000}, {"role": "user", "content": "hi"}], truncate=False)
    assert reply.status == 400 and "context" in reply.json["error"]
    assert box.runtime_state()["resets"] == resets, "it was not even reset"
    untouched(box, before)


def test_F12_top_k_above_the_vocabulary_is_clamped(box):
    before = pids(box)
    assert box.say("[[text=sampled]]", options={"top_k": 10**9, "temperature": 1.0, "top_p": 1.0}) == "sampled"
    assert 1 <= box.runs()[-1]["sampling"]["top_k"] <= 151936
    untouched(box, before)


def test_F19_a_long_prompt_goes_as_json_and_is_not_413(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        before = pids(box)
        # Above 8 KiB of body and inside the context.
        assert box.say("[[text=long enough]] " + " different" * 900) == "long enough"
        untouched(box, before)


WRONG = [({"options": {"temperature": "hot"}}, 500), ({"options": {"top_k": "many"}}, 500), ({"messages": "hi"}, 400),
         ({"messages": [{"role": "user", "content": 5}]}, 400), ({"messages": [{"role": "user", "content": None}], "stream": 3}, 400)]


def test_F20_wrong_types_are_refused_before_the_runtime(box):
    before = pids(box)
    generates = box.runtime_state()["generates"]
    for more, status in WRONG:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": False, **more}
        reply = box.post("/api/chat", body)
        assert (reply.status, bool(reply.json["error"])) == (status, True), (more, reply.body)
    assert box.runtime_state()["generates"] == generates
    untouched(box, before)


def test_F21_many_users_at_once_never_meet_a_busy_runtime(box):
    answers = {}

    def ask(number):
        answers[number] = box.say(f"[[text=for {number}]] user {number}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {number: f"for {number}" for number in range(8)}
    assert "model not available" not in box.log()
    assert box.runtime_state()["connections_high_water"] <= 3


def test_F22_text_of_a_client_that_left_goes_to_nobody(box):
    for number in range(4):
        stream = box.stream(f"[[never_end]] who leaves {number}")
        next(iter(stream))
        stream.close()
        assert box.say(f"[[text=mine {number}]] who stays {number}") == f"mine {number}"
    wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 0, what="no lease is held")

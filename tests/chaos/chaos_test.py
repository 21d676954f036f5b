"""The tool itself: its plan is the seed's alone, every fault can be drawn, and its checks can fail."""

import collections
import json
import re
import subprocess
import sys

import clients
import faults
import plan
import pytest
import wire


def test_a_step_is_the_same_whoever_asks_and_whenever():
    first = [plan.step(7, number) for number in range(30)]
    again = [plan.step(7, number) for number in reversed(range(30))][::-1]
    assert first == again
    assert first != [plan.step(8, number) for number in range(30)]
    # Another interpreter with another hash seed too.
    code = "import sys, json; sys.path[:0] = sys.argv[1:]; import plan; print(json.dumps([plan.step(7, k) for k in range(30)]))"
    told = subprocess.run([sys.executable, "-B", "-c", code, *sys.path], capture_output=True, text=True, check=True,
                          env={**__import__("os").environ, "PYTHONHASHSEED": "123"})
    assert json.loads(told.stdout) == first


def test_a_thousand_faults_meet_every_row_of_the_table():
    seen, requests, number = collections.Counter(), 0, 0
    while sum(seen.values()) - seen["nothing"] < 1000:
        step = plan.step(1, number)
        seen.update(one["fault"] for one in step["faults"])
        requests += len(step["clients"]) + 1
        number += 1
    assert set(seen) == set(faults.BY_NAME)
    assert requests >= 5000


def test_names_are_unique_and_arguments_are_data():
    assert len(faults.BY_NAME) == len(faults.FAULTS)
    for number in range(300):
        step = plan.step(3, number)
        assert json.loads(json.dumps(step)) == step


@pytest.mark.parametrize("row", [f"F{n}" for n in range(1, 23) if n not in (3, 11, 13, 19, 20)])
def test_the_rows_of_the_catalogue_are_covered(row):
    """F11, F19 and F20 come from clients and never reach the runtime."""
    number = int(row[1:])

    def covers(text):
        spans = re.findall(r"F(\d+)b?(?:-F(\d+))?", text)
        return any(int(low) <= number <= int(high or low) for low, high in spans)

    assert any(covers(fault.rows) for fault in faults.FAULTS), row


def ndjson(*lines):
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def piece(text, done=False):
    return {"message": {"role": "assistant", "content": text}, "done": done}


def sse(*events):
    return b"".join((f"event: {name}\n" if name else "").encode() + b"data: " +
                    (data if isinstance(data, str) else json.dumps(data)).encode() + b"\n\n" for name, data in events)


def delta(text, reason=None):
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}


STREAMS = [
    ("chat", ndjson(piece("a"), piece("b"), piece("", True)), "done", "ab"),
    ("chat", b"    " + ndjson(piece("a"), piece("", True)), "done", "a"),
    ("chat", ndjson(piece("a"), {"error": "gone"}), "error", "a"),
    ("chat", ndjson(piece("a")), "0 ends", "a"),
    ("chat", ndjson(piece("a", True), piece("", True)), "2 ends", "a"),
    ("chat", ndjson(piece("a", True), {"error": "late"}), "2 ends", "a"),
    ("chat", ndjson(piece("", True), piece("late")), "goes on after its end", "late"),
    ("chat", b'{"message": {"con', "not understood", ""),
    ("openai", sse(("", delta("a")), ("", delta("", "stop")), ("", "[DONE]")), "done", "a"),
    ("openai", sse(("", delta("a")), ("", {"error": {"message": "x"}})), "error", "a"),
    ("openai", sse(("", delta("a")), ("", "[DONE]")), "0 finish reasons", "a"),
    ("openai", sse(("", delta("a")), ("", {"error": {"message": "x"}}), ("", "[DONE]")), "2 ends", "a"),
    ("anthropic", sse(("content_block_delta", {"delta": {"text": "a"}}), ("ping", {}), ("message_stop", {})), "done", "a"),
    ("anthropic", sse(("content_block_delta", {"delta": {"text": "a"}}), ("error", {"error": {"message": "x"}})), "error", "a"),
    ("anthropic", sse(("content_block_delta", {"delta": {"text": "a"}})), "0 ends", "a"),
    ("responses", sse(("x", {"type": "response.output_text.delta", "delta": "a"}), ("x", {"type": "response.completed"})), "done", "a"),
    ("responses", sse(("x", {"type": "response.failed"}), ("x", {"type": "response.completed"})), "2 ends", ""),
    ("responses", sse(("x", {"type": "response.failed"}), ("error", {"type": "error"})), "error", ""),
    ("responses", sse(("x", {"type": "response.completed"}), ("error", {"type": "error"})), "2 ends", ""),
]


@pytest.mark.parametrize("form,data,end,text", STREAMS)
def test_a_stream_without_exactly_one_proper_end_is_seen(form, data, end, text):
    answer = wire.judge(form, True, 200, data)
    assert (answer.end, answer.text) == (end, text)


def outcome(text, end="done", shape="echo", label="1x2", expected="say mark-1x2- now"):
    return clients.Outcome(label, "whole", "chat", wire.Answer(end, text, 200), expected, shape)


def test_foreign_text_wrong_text_and_a_wrong_beginning_are_seen():
    assert clients.strange(outcome("say mark-1x2- now"), False) == ""
    assert clients.strange(outcome("say mark-1x2-", "error"), False) == ""
    assert "foreign" in clients.strange(outcome("say mark-1x2- now mark-1x3-"), False)
    assert "foreign" in clients.strange(outcome("mark-9x9-", "cut"), True)
    assert "expected" in clients.strange(outcome("say mark-1x2-"), False)
    assert "expected" in clients.strange(outcome("mark-1x2-", "error"), False)
    assert clients.strange(outcome("say"), True) == ""
    assert clients.strange(outcome(" one two three f", shape="long", expected=None), False) == ""
    assert "expected" in clients.strange(outcome(" one three", shape="long", expected=None), False)

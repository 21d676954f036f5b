"""The drill itself: its plan leaves every model some boxes, and its checks can fail."""

import json
import threading

import pytest

import clients
import faults
import fleet

TEXT = "alpha m-1-1- river stone m-1-1-"


def spans(seed, seconds=600):
    return [(begin, begin + faults.KINDS[name].hold, name, box) for begin, name, box in faults.plan(seed, seconds, 8)]


@pytest.mark.parametrize("seed", range(1, 20))
def test_few_boxes_have_a_fault_at_the_same_time_and_none_has_two(seed):
    all_spans = spans(seed)
    assert len(all_spans) > 50
    assert {name for _, _, name, _ in all_spans} == set(faults.KINDS)
    of_boxes = [one for one in all_spans if one[3] != faults.NOBODY]
    for begin, _, _, box in of_boxes:
        others = [one for one in of_boxes if one[0] < begin < one[1]]
        assert len(others) < faults.TOGETHER + 1, others
        assert all(one[3] != box for one in others), (begin, box, others)


def test_a_short_plan_is_over_in_its_time():
    for seconds in (30, 60, 150):
        assert all(end < seconds for _, end, _, _ in spans(3, seconds)), seconds
        assert len(spans(3, seconds)) >= seconds / 15, seconds
    assert spans(3, 60) == spans(3, 60) != spans(4, 60)


def judged(form, stream, body, how="whole", status=200):
    out = clients.Outcome("m-1-1-", "alpha", form, stream, 0.0)
    clients.Client(1, 1, "key", ["alpha"], threading.Event()).judge(out, None if body is None else (status, body, how), TEXT, "m-1-1-")
    return out.end


def line(text, done=False):
    return json.dumps({"message": {"content": text}, "done": done}).encode() + b"\n"


def event(text):
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": None}]}).encode() + b"\n\n"


def test_good_answers_are_good():
    assert judged("chat", True, line("alpha m-1-1- river ") + line("stone m-1-1-") + line("", True)) == "done"
    assert judged("chat", False, line(TEXT, True)) == "done"
    assert judged("chat", True, line("alpha m-1-1- riv"), "cut") == "cut"
    assert judged("openai", True, event("alpha m-1-1- ") + event("river"), "left") == "left"


@pytest.mark.parametrize("end, arguments", [
    ("foreign text", ("chat", True, line("alpha m-2-7- river") + line("", True))),
    ("foreign text", ("chat", True, line("beta m-1-1- river stone m-1-1-") + line("", True))),
    ("foreign text", ("chat", True, line("alpha m-1-1- stone"), "cut")),
    ("foreign text", ("openai", True, event("alpha m-1-1- stone"), "cut")),
    ("foreign text", ("chat", False, line("alpha m-1-1-", True))),
    ("2 ends", ("chat", True, line(TEXT) + line("", True) + line("", True))),
    ("0 ends", ("chat", True, line(TEXT))),
    ("end without the connection's", ("chat", True, line(TEXT) + line("", True), "cut")),
    ("end without the connection's", ("openai", True, event(TEXT) + b"data: [DONE]\n\n", "cut")),
    ("refused", ("chat", True, b'{"error":"no box"}', "whole", 503)),
    ("lost", ("chat", True, b"", "lost")),
    ("no answer", ("chat", True, None))])
def test_what_may_not_be_is_found(end, arguments):
    assert judged(*arguments) == end


def test_the_time_that_a_probe_lost_is_read_from_the_log(tmp_path):
    edge = object.__new__(fleet.Edge)
    edge.folder = tmp_path
    said = "100.{n}00 <134>Nov 24 01:53:56 haproxy[437]: 127.0.0.1:6 [x] clients model_{model}:latest/box3 0/{wait}/0/1/{whole} 200 44 - - ---- " \
           '6/6/2/4/0 0/0 {{a|b}} "POST /api/show HTTP/1.1"'
    rows = [said.format(n=1, model="alpha", wait=400, whole=450), said.format(n=2, model="alpha", wait=-1200, whole=1200),
            said.format(n=3, model="beta", wait=0, whole=9000)]
    (tmp_path / "requests.log").write_text("\n".join(rows))
    assert edge.lost("alpha", 90, 110) == pytest.approx(1.2)
    assert edge.lost("alpha", 100.05, 110) == pytest.approx(0.05)
    assert edge.lost("beta", 90, 110) == pytest.approx(9)
    assert edge.lost("beta", 95, 110) == 0

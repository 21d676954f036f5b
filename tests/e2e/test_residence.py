"""Models leave the box when nobody needs them, and come back with the next request; those who wait are told."""

import os
import signal
import threading

import pytest

from admin_cli import model_of
from harness import MODEL, Box, descendants, processes, wait_until


def loaded(box):
    return [model["name"] for model in box.get("/api/ps").json["models"]]


def services(box):
    """Processes of the model now."""
    return {pid for pid in (box.pid_of("runtime"), box.pid_of("tokenizer")) if pid}


def alive(pids):
    table = processes()
    return {pid for pid in pids if pid in table and table[pid][1] != "Z"}


def unload(box):
    reply = box.post("/api/generate", {"model": MODEL, "keep_alive": 0})
    assert reply.status == 200 and reply.json["done_reason"] == "unload", reply.body


def wait_unloaded(box):
    wait_until(lambda: loaded(box) == [], what="ps is empty")
    assert services(box) == set()


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("residence"), {"directives": True, "timing": {"tokens_per_second": 100}}) as running:
        yield running


@pytest.fixture(autouse=True)
def begin_loaded_for_ever(request):
    if "box" in request.fixturenames:
        box = request.getfixturevalue("box")
        assert box.post("/api/generate", {"model": MODEL, "keep_alive": -1}).json["done_reason"] == "load"


def test_a_model_stays_for_ever_unless_told_otherwise(box):
    assert loaded(box) == [MODEL]
    assert services(box)
    assert box.get("/api/ps").json["models"][0]["expires_at"] > "2200"


def test_an_unload_ends_the_processes_and_the_next_request_loads_again(box):
    before = services(box)
    assert len(before) == 2
    unload(box)
    wait_unloaded(box)
    assert alive(before) == set()
    ready = box.get("/readyz")
    assert ready.status == 200 and ready.json["status"] == "unloaded"
    assert box.say("[[text=back again]]") == "back again"
    assert loaded(box) == [MODEL]
    assert alive(before) == set()
    assert box.get("/readyz").json["status"] == "ready"


def test_zero_with_a_prompt_unloads_after_the_answer(box):
    before = services(box)
    assert box.say("[[text=last words]]", keep_alive=0) == "last words"
    wait_unloaded(box)
    assert alive(before) == set()


def test_a_stay_begins_when_the_answer_has_ended_and_runs_out(box):
    before = services(box)
    stream = box.stream("[[n=250]] takes longer than the stay", keep_alive="1s")
    assert list(stream)[-1]["done"] is True
    assert stream.times[-1] - stream.times[0] > 1
    wait_unloaded(box)
    assert alive(before) == set()


def test_a_load_request_loads_and_its_stay_runs_out(box):
    unload(box)
    wait_unloaded(box)
    reply = box.post("/api/chat", {"model": MODEL, "messages": [], "keep_alive": "4s"})
    assert reply.json["done_reason"] == "load"
    assert len(services(box)) == 2
    wait_unloaded(box)


def test_an_unload_lets_the_running_and_the_waiting_answer_end(box):
    before = services(box)
    running = box.stream("[[n=200]] runs")
    lines = iter(running)
    next(lines)
    waiting = box.stream_later("[[n=20]] waits")
    wait_until(lambda: box.get("/readyz").json["queue"]["waiting"] == 1, what="one waits")
    unload(box)
    assert list(lines)[-1]["done"] is True
    assert list(waiting.open())[-1]["done"] is True
    wait_unloaded(box)
    assert alive(before) == set()
    assert box.say("[[text=after]]") == "after"


def test_requests_while_it_is_unloaded_wait_and_are_answered(box):
    for number in range(3):
        unload(box)
        assert box.say(f"[[text=round {number}]]") == f"round {number}"


def test_a_client_that_leaves_while_the_model_loads_does_not_keep_it_from_the_next(box):
    unload(box)
    wait_unloaded(box)
    box.stream_later("leaves").close()
    assert box.say("[[text=stays]]") == "stays"


def test_a_stay_from_the_configuration(tmp_path):
    with Box(tmp_path, {"directives": True}, config='keep_alive = "1s"') as box:
        assert box.say("[[text=one]]") == "one"
        wait_unloaded(box)
        assert box.say("[[text=two]]") == "two"
        assert box.say("[[text=three]]", keep_alive=-1) == "three"
        started = services(box)
        assert len(started) == 2
        reply = box.stream("[[n=600]] longer than the stay, at 500 tokens a second")
        assert list(reply)[-1]["done"] is True
        assert loaded(box) == [MODEL] and services(box) == started


def test_shutting_down_while_it_is_unloaded_leaves_nothing_behind(tmp_path):
    box = Box(tmp_path, {"directives": True}).start()
    family = descendants(box.process.pid)
    os.kill(box.pid_of("runtime"), signal.SIGSTOP)  # its end takes the whole ladder
    unload(box)
    wait_until(lambda: box.get("/readyz").json["models"][0]["state"] == "loading", what="the unloading has begun")
    assert loaded(box) == [MODEL] and model_of(box)["state"] == "stopping"
    assert box.stop(signal.SIGTERM, timeout=90) == 0
    wait_until(lambda: not alive(family), 5, "no process left")


def test_those_who_wait_are_told_their_place_and_how_long(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 40}}) as box:
        assert box.say("[[n=60]] about a second and a half")
        assert box.get("/readyz").json["queue"]["estimate_seconds"] == 0
        replies = [None] * 4

        def ask(k):
            wait_until(lambda: sum(box.get("/readyz").json["queue"][key] for key in ("waiting", "running")) == k, what=f"{k} came")
            replies[k] = box.chat(f"[[n=60]] question {k}")

        threads = [threading.Thread(target=ask, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert [reply.status for reply in replies] == [200] * 4
        assert "Corral-Queue-Position" not in replies[0].headers
        assert [reply.headers["Corral-Queue-Position"] for reply in replies[1:]] == ["1", "2", "3"]
        estimates = [int(reply.headers["Corral-Queue-Estimate"]) for reply in replies[1:]]
        assert estimates == sorted(estimates) and 1 <= estimates[0] <= 6 and 2 <= estimates[2] <= 20, estimates

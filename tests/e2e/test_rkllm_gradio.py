"""RKLLM's gradio_server.py: a queue that forgets who has left while the run goes on, and one list of text for all runs. Behind Corral
none of it is seen."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import BIN, Box, free_port, wait_until
from test_queue import in_threads

TIMING = {"prefill_ms_per_chunk": 10, "tokens_per_second": 100, "load_ms": 300}
QUEUE = "/gradio_api/call/get_RKLLM_output"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("gradio"), {"directives": True, "timing": TIMING}, profile="rkllm-gradio") as running:
        yield running


class Page:
    """The stand-in alone, asked as programs ask Gradio."""

    def __init__(self, folder):
        self.port = free_port()
        (folder / "model.rkllm").write_text("-")
        (folder / "scenario.json").write_text(json.dumps({"directives": True, "timing": TIMING}))
        self.process = subprocess.Popen(
            [BIN / "corral-sim", "rkllm-gradio", "--rkllm_model_path", folder / "model.rkllm", "--target_platform", "rk3588"],
            env={**os.environ, "CORRAL_SIM_PORT": str(self.port), "CORRAL_SIM_BIND": "127.0.0.1",
                 "CORRAL_SIM_SCENARIO": str(folder / "scenario.json")}, stdout=subprocess.DEVNULL)

    def __enter__(self):
        wait_until(lambda: self.status("/config") == 200, what="the page")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def open(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"})
        return urllib.request.urlopen(request, timeout=20)

    def status(self, path, body=None):
        try:
            return self.open(path, body).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def ask(self, history):
        event = json.loads(self.open(QUEUE, {"data": [history]}).read())["event_id"]
        return self.open(f"{QUEUE}/{event}")

    def events(self, history):
        return [tuple(line.split(": ", 1)[1] for line in event.split("\n")) for event in self.ask(history).read().decode().split("\n\n")[:-1]]


def test_the_stand_in_answers_as_gradio_did(tmp_path):
    """docs/facts/other_runtimes.md#rkllm-gradio: what was seen of Gradio 4.24, 4.44 and 5.50."""
    with Page(tmp_path) as page:
        said = page.events([["[[text=one two]]", None]])
        assert {name for name, _ in said[:-1]} == {"generating"} and said[-1][0] == "complete"
        assert json.loads(said[-1][1]) == [[["[[text=one two]]", "one two"]]]
        assert page.events([["x"]]) == [("error", "null")] and page.events("x") == [("error", "null")]
        assert page.open(f"{QUEUE}/deadbeef").read().startswith(b'event: error\ndata: "404')
        assert page.status(QUEUE, {}) == 422 and page.status("/call/get_RKLLM_output", {"data": []}) == 404
        # Whoever leaves lets the next one in, beside a run that goes on.
        left = page.ask([["[[text=" + "LEFT " * 60 + "]]", None]])
        left.readline()
        left.close()
        mixed = json.loads(page.events([["[[text=" + "mine " * 40 + "]]", None]])[-1][1])[0][-1][1]
        assert set("LEFT") <= set(mixed) and set("mine") <= set(mixed), mixed


def test_an_answer_is_whole_and_its_conversation_is_one_message(box):
    said = box.chat([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"},
                     {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "[[text=def f():\n    return 'é']]"}]).json
    assert said["message"]["content"] == "def f():\n    return 'é'" and said["done_reason"] == "stop"
    record = box.runs()[-1]
    assert len(record["messages"]) == 1 and record["kv_text"].count("Be brief.") == 1


def test_a_limit_is_kept_here(box):
    said = box.chat("[[n=60]]", options={"num_predict": 5}).json
    assert said["done_reason"] == "length" and len(said["message"]["content"].split()) <= 6


def test_what_a_client_left_is_in_nobody_elses_answer(box):
    for number in range(3):
        stream = box.stream("[[text=" + "LEFT " * 60 + "]]")
        next(iter(stream))
        stream.close()
        assert box.say(f"[[text=mine {number}]]") == f"mine {number}"


def test_two_at_once_get_their_own(box):
    texts = [" ".join([word] * 20) for word in ("red", "blue", "green")]
    assert in_threads(len(texts), lambda k: box.say(f"[[text={texts[k]}]]")) == texts


def test_a_run_that_failed_is_an_error_and_is_run_again_where_nothing_had_gone_out(box):
    box.fault("runtime", "stream_error", "once", after=2)
    lines = list(box.stream("[[text=one two three four five]]"))
    assert "reported a failure of this answer" in lines[-1]["error"], lines[-1]
    assert box.say("[[text=well again]]") == "well again"
    box.fault("runtime", "stream_error", "once", after=2)
    assert box.say("[[text=one two three four five]]") == "one two three four five"


def test_a_kill_in_the_middle_is_an_error_and_the_next_answer_is_whole(box):
    stream = box.stream("[[text=" + "half " * 60 + "]]")
    lines = iter(stream)
    next(lines)
    os.kill(box.pid_of("runtime"), signal.SIGKILL)
    rest = list(lines)
    assert "error" in rest[-1] and not any(line.get("done") for line in rest), rest[-1]
    assert box.say("[[text=up again]]") == "up again"

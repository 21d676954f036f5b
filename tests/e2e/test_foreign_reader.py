"""Another program at the vendor's port: its polls take pieces of answers away and its /api/stop ends them, and neither may become
a short answer that looks good; its prompts get between a reset and our prompt, and neither may read the other."""

import http.client
import json
import re
import subprocess
import threading

import pytest

from harness import Box, has_terminals, own_mount, pause, wait_until

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"


@pytest.fixture(scope="module", params=["terminal", "pipe"])
def box(request, tmp_path_factory):
    box = Box(tmp_path_factory.mktemp("reader"), {"directives": True, "timing": {"tokens_per_second": 60}})
    if request.param == "terminal" and not has_terminals():
        pytest.skip("no pseudo terminal")
    try:
        box.start(before_exec=own_mount("/dev/pts", (0, b"size=0,mode=555")) if request.param == "pipe" else None)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"no mount namespace of its own: {error}")
    yield box
    box.__exit__()


class Foreign:
    """Calls a route of the runtime again and again while it is entered."""

    def __init__(self, box, route, every):
        self.port, self.route, self.every = box.runtime_state()["port"], route, every
        self.over = threading.Event()
        self.taken = b""
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", self.route)
                self.taken += connection.getresponse().read()
            except OSError:
                pass
            finally:
                connection.close()
            self.over.wait(self.every)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def count(box, kind):
    found = re.search(rf'corral_intrusions_total\{{[^}}]*kind="{kind}"[^}}]*\}} (\d+)', box.get("/metrics").body.decode())
    return int(found[1])


def test_an_answer_of_which_another_program_took_pieces_is_whole_and_the_theft_is_told(box):
    with Foreign(box, "/api/generate_provider", 0.005) as thief:
        for _ in range(30):
            stream = box.stream(f"[[text={WORDS}]]")
            lines = list(stream)
            assert lines[-1]["done"] is True, lines[-1]
            assert "".join(line["message"]["content"] for line in lines) == WORDS
            # Which of the two gets a piece is chance.
            if re.search(rb'"response":"[^"]', thief.taken):
                break
        else:
            raise AssertionError("nothing was taken")
    wait_until(lambda: count(box, "poll") >= 1, 10, "the theft is counted")
    assert len(box.logged_times(r"WARN sim.*Another program on this box polls the runtime at port \d+", 1)) == 1
    assert box.say("[[text=alone again]]") == "alone again"


def test_an_answer_that_another_program_stops_is_never_a_good_one(box):
    before = count(box, "stop")
    assert box.say("[[text=one two]]") == "one two", "this process has shown how it counts"
    stopped = made_up = 0
    for turn in range(10):  # one stop in three falls between two pieces
        stream = box.stream(f"[[text={WORDS}]]")
        first = next(iter(stream))
        pause.wait(0.007 * turn)
        with Foreign(box, "/api/stop", 10):
            lines = [first, *stream]
        text = "".join(line.get("message", {}).get("content", "") for line in lines)
        if "error" in lines[-1]:
            stopped += 1
            assert "another program stopped it" in lines[-1]["error"]
            assert WORDS.startswith(text.rpartition(" ")[0])
            made_up += not WORDS.startswith(text)
        else:
            assert text == WORDS, "a stop that came too late"
    assert stopped >= 5 and count(box, "stop") >= before + stopped
    assert made_up <= 1, "a token that the stop left without meaning: only where a poll was quicker than the runtime's next call"


def test_an_answer_that_another_program_stops_before_its_first_word_is_begun_again(box):
    before = count(box, "stop")
    for _ in range(6):
        with Foreign(box, "/api/stop", 0.004) as stopper:
            stream = box.stream(f"[[text={WORDS}]]")
            threading.Timer(0.08, stopper.over.set).start()
            lines = list(stream)
        text = "".join(line.get("message", {}).get("content", "") for line in lines)
        assert "error" in lines[-1] or text == WORDS, lines
    assert count(box, "stop") > before


FOREIGN = {"generate": {"prompt": "[[n=6]] SECRET"}, "chat": {"messages": [{"role": "user", "content": "[[n=6]] SECRET"}]},
           "reset": {"system_prompt": "SECRET"}}


def insert(port, route):
    """One foreign call, at the first moment at which the runtime takes any."""
    for _ in range(20_000):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("POST", f"/api/{route}", json.dumps(FOREIGN[route]), {"Content-Type": "application/json"})
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()


@pytest.mark.parametrize("delay_ms", [0, 30])
@pytest.mark.parametrize("route", FOREIGN)
def test_a_foreign_job_between_our_reset_and_our_prompt_is_read_by_neither(tmp_path, route, delay_ms):
    timing = {"tokens_per_second": 200, "reset_ms": 60, "worker_delay_ms": delay_ms}
    with Box(tmp_path, {"directives": True, "timing": timing}, model='reuse = "off"\n') as box:
        port = box.runtime_state()["port"]
        box.say("[[n=2]]")
        alone = box.runs()[-1]["P"]
        answered = []
        for number in range(8):
            foreign = threading.Timer(0.02 + 0.005 * (number % 3), insert, (port, route))
            foreign.start()
            told = box.chat(f"[[text=mine {number}]]")
            foreign.join()
            if told.status == 200:
                answered.append(number)
                assert told.json["message"]["content"] == f"mine {number}"
        assert answered
        for number in answered:
            run = [each for each in box.runs() if f"mine {number}" in each["prompt"]][-1]
            assert run["P"] == alone and "SECRET" not in run["kv_text"] + run["system_text"], run

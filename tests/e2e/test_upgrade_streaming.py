"""An upgrade of Corral keeps the models of streaming chat servers loaded too: the same processes at the same ports answer on."""

import json
import os
import signal

import pytest

from harness import wait_until
from upgrade_box import Clients, text_of, UpgradeBox

PROFILES = ["llama-server", "axera-sse", "rkllm-flask", "vllm-ascend", "mindie"]


def make(folder, profile, **more):
    return UpgradeBox(folder, {"directives": True, **more.pop("scenario", {})}, profile=profile,
                      config=f'state_directory = "{folder / "state"}"\n', **more)


@pytest.mark.parametrize("profile", PROFILES)
def test_nobody_loses_an_answer_and_nothing_is_loaded_again(tmp_path, profile):
    with make(tmp_path, profile) as box:
        before = box.pid_of("runtime")
        clients = Clients(box, 3, True)
        try:
            wait_until(lambda: len(clients.answers) > 5, what="answers come")
            box.upgrade()
            served = len(clients.answers)
            wait_until(lambda: len(clients.answers) > served + 5, what="answers come from the new image")
        finally:
            clients.stop()
        assert clients.problems == []
        assert box.pid_of("runtime") == before
        assert box.logged("kept=1/1")
        # The new image minds the old process as its own.
        box.kill("runtime")
        wait_until(lambda: box.pid_of("runtime") not in (None, before), what="a new runtime")
        box.wait_ready()
        assert box.say("[[text=after the kill]]") == "after the kill"


def test_a_long_answer_is_finished_first(tmp_path):
    with make(tmp_path, "llama-server", scenario={"timing": {"tokens_per_second": 40}}) as box:
        before = box.pid_of("runtime")
        lines = iter(box.stream("[[n=60]]"))
        next(lines)
        box.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: "event=upgrade.drain" in box.log(), what="it drains")
        late = box.stream_later("[[text=came late]]")
        rest = list(lines)
        assert rest[-1].get("done") is True and rest[-1]["eval_count"] >= 60, rest[-1]
        assert text_of(late.open()) == "came late"
        assert box.done() == 1 and box.pid_of("runtime") == before


def test_settings_that_were_made_for_a_server_stay_those_that_it_was_started_with(tmp_path):
    with make(tmp_path, "mindie") as box:
        settings = tmp_path / "state" / "services" / "sim:latest.runtime.config.json"
        before = json.loads(settings.read_text())
        box.upgrade()
        assert json.loads(settings.read_text()) == before
        pid = box.kill("runtime")
        wait_until(lambda: box.pid_of("runtime") not in (None, pid), what="a new runtime")
        box.wait_ready()
        assert json.loads(settings.read_text()) == before, "at the ports that it had"


def test_a_server_whose_command_is_another_is_started_anew(tmp_path):
    with make(tmp_path, "llama-server") as box:
        before = box.pid_of("runtime")
        text = box.config_file.read_text()
        assert 'profile = "llama-server"\n' in text
        box.config_file.write_text(text.replace("[models.services.runtime]\n", "[models.services.runtime]\nnice = 1\n", 1))
        box.upgrade()
        box.wait_ready()
        assert box.pid_of("runtime") != before
        expected = min(19, os.getpriority(os.PRIO_PROCESS, box.process.pid) + 1)
        assert os.getpriority(os.PRIO_PROCESS, box.pid_of("runtime")) == expected
        assert box.say("[[text=anew]]") == "anew"

"""A runtime that becomes slower with each answer."""

import re
import threading
import time

import pytest

from admin_cli import model_of
from harness import Box, wait_until
from test_device import QUICK_RESTART, DeviceBox
from upgrade_box import UpgradeBox

MODEL = '[models.clocks]\nrenew_after = "300ms"\n'


def runs(box, count):
    for _ in range(count):
        box.say("[[n=20]]")


def expect_renewed_under_load(box, before, call):
    over = threading.Event()
    failed = []

    def ask():
        while not over.is_set():
            try:
                call()
            except Exception as error:  # the test tells it
                failed.append(error)
                return

    clients = [threading.Thread(target=ask) for _ in range(3)]  # one is always inside
    for client in clients:
        client.start()
    try:
        wait_until(lambda: "event=runtime.renewed" in box.log(), 120, "it is renewed under load")
        wait_until(lambda: box.pid_of("runtime") not in (before, None), 30, "a new process serves")
    finally:
        over.set()
        for client in clients:
            client.join(60)
    assert not failed, failed


@pytest.mark.parametrize("profile", ["axera-poll", "llama-server"])
def test_it_is_renewed_once_nobody_asks_and_is_as_fast_as_before(tmp_path, profile):
    scenario = {"directives": True, "timing": {"tokens_per_second": 500, "decay_per_run": 0.1}}  # above a busy machine's noise
    with Box(tmp_path, scenario, model=MODEL, profile=profile) as box:
        before = box.pid_of("runtime")
        deadline = time.monotonic() + 400
        while "renewed once it has been idle" not in box.log():
            assert time.monotonic() < deadline, box.log()[-3000:]
            runs(box, 4)
        wait_until(lambda: "event=runtime.renewed" in box.log(), 30, "it is renewed while idle")
        wait_until(lambda: model_of(box)["state"] == "ready", 30, "the new process is ready")
        assert box.pid_of("runtime") != before
        runs(box, 14)
        speed = model_of(box)["speed"]
        assert speed["renewals"] == 1 and speed["gained"] > 1.2 and speed["slower"] == 0, speed
        assert re.search(r'corral_backend_renewals_total\{[^}]*\} 1\b', box.get("/metrics").body.decode())


def test_where_nobody_lets_it_rest_it_is_renewed_between_two_answers(tmp_path):
    scenario = {"directives": True, "timing": {"tokens_per_second": 2000, "decay_per_run": 0.02}}
    with Box(tmp_path, scenario, model='[models.clocks]\nrenew_after = "3s"\n') as box:
        before = box.pid_of("runtime")
        expect_renewed_under_load(box, before, lambda: runs(box, 1))


def test_on_a_hot_card_nothing_is_renewed_until_it_has_cooled(tmp_path):
    scenario = {"timing": {"tokens_per_second": 500, "decay_per_run": 0.1}}
    with DeviceBox(tmp_path, {"temperature": 91}, scenario=scenario, restart=QUICK_RESTART + MODEL) as box:
        before = box.pid_of("runtime")
        deadline = time.monotonic() + 400
        while "card 0 has 91 C, and a new process would be as slow" not in box.log():
            assert time.monotonic() < deadline, box.log()[-3000:]
            runs(box, 4)
        runs(box, 4)
        assert box.log().count("card 0 has 91 C") == 1 and box.pid_of("runtime") == before
        assert "renewed once it has been idle" not in box.log() and model_of(box)["speed"]["slower"] > 1.4
        box.set_device(temperature=60)
        while "renewed once it has been idle" not in box.log():
            assert time.monotonic() < deadline, box.log()[-3000:]
            runs(box, 4)
        wait_until(lambda: "event=runtime.renewed" in box.log(), 30, "it is renewed while idle")


@pytest.mark.parametrize("profile", ["axera-poll", "llama-server"])
def test_an_upgrade_keeps_what_the_process_was_like_while_young(tmp_path, profile):
    scenario = {"directives": True, "timing": {"tokens_per_second": 500, "decay_per_run": 0.1}}
    with UpgradeBox(tmp_path, scenario, profile=profile) as box:
        before = box.pid_of("runtime")
        runs(box, 14)
        box.upgrade()
        runs(box, 30)  # fewer than a new comparison takes
        assert box.pid_of("runtime") == before and model_of(box)["speed"]["slower"] > 1.5, model_of(box).get("speed")


def test_a_steady_runtime_is_left_alone(tmp_path):
    with Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 500}}, model=MODEL) as box:
        runs(box, 60)
        assert "runtime.slower" not in box.log() and "runtime.renewed" not in box.log()
        assert "speed" not in model_of(box)


def test_off_is_off(tmp_path):
    scenario = {"directives": True, "timing": {"tokens_per_second": 2000, "decay_per_run": 0.1}}
    with Box(tmp_path, scenario, model='renew_slow = "off"\n') as box:
        runs(box, 60)
        assert "runtime.slower" not in box.log() and "speed" not in model_of(box)

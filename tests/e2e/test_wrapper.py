"""A command that is a shell script, begins the server in the background and lives on when it dies: there is no exit to see, and still
the whole of it is replaced."""

import json
import os
import signal

import pytest

from harness import Box, answered_by_the_next, descendants, ends_an_answer, living, processes, strain, wait_until

# A helper beside the server, which the shell waits for: ignoring SIGINT, as all that a shell begins in the background.
OUTLIVES = '"$0" "$@" & sleep 600 & wait $!'
LIFE = 'liveness = { interval = "300ms", timeout = "1500ms", failures = 2 }\n'
SOON = '[models.clocks]\nscrub = "1s"\n[models.restart]\nfirst_backoff = "50ms"\nmax_backoff = "200ms"\nintensity = 50\n'


class WrappedBox(Box):
    """Each service has such a wrapper. `lines`: more keys of the runtime's table."""

    def __init__(self, folder, profile, lines="", timing=None):
        super().__init__(folder, {"directives": True, "timing": {"tokens_per_second": 60, **(timing or {})}}, model=SOON, profile=profile)
        text = self.config_file.read_text()
        assert text.count("\ncommand = [") == len(self.wrapped())
        text = text.replace("\ncommand = [", f'\ncommand = ["sh", "-c", {json.dumps(OUTLIVES)}, ')
        self.config_file.write_text(text.replace("[models.services.runtime]\n", f"[models.services.runtime]\n{lines}"))

    def wrapped(self):
        return ["runtime", "tokenizer"] if self.profile.tokenizer else ["runtime"]

    def family_of(self, service):
        """The wrapper and all that it began, the server among them."""
        table = processes()
        wrapper = table[wait_until(lambda: self.pid_of(service), what=f"{service} runs")][0]
        family = {wrapper} | descendants(wrapper, table)
        assert table[wrapper][2].startswith("sh -c ") and len(family) == 3, [table[pid] for pid in family]
        return family

    def families(self):
        return {service: self.family_of(service) for service in self.wrapped()}


PROFILES = ["axera-poll", "llama-server"]


@pytest.fixture(params=PROFILES)
def box(request, tmp_path):
    with WrappedBox(tmp_path, request.param) as running:
        yield running


def replaced(box, before, *services):
    """Another wrapper with another server, nothing left of the one before, nothing there twice, and answers."""
    old = set().union(*(before[service] for service in services))
    wait_until(lambda: not living(old), 30, f"the whole group ends: {[processes().get(pid) for pid in old]}")
    box.wait_ready()
    assert box.say("[[text=all well]] afterwards") == "all well"
    now = box.families()
    for service in box.wrapped():
        assert (now[service] == before[service]) is (service not in services), service
    table = processes()
    family = [table[pid][2] for pid in descendants(box.process.pid, table) if table[pid][1] != "Z"]
    assert sum(command == "sleep 600" for command in family) == len(now), family


def test_a_server_that_dies_at_rest_below_a_living_wrapper_is_replaced_with_it(box):
    for service in box.wrapped():
        before = box.families()
        box.kill(service)
        replaced(box, before, service)
        assert box.logged(rf"/{service}: stopping \(process \d+\): no longer listens on its port")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_server_that_hangs_at_rest_below_its_wrapper_is_replaced_with_it(tmp_path, profile):
    with WrappedBox(tmp_path, profile, LIFE) as box:
        before = box.families()
        box.kill("runtime", signal.SIGSTOP)
        replaced(box, before, "runtime")
        assert box.logged(r"/runtime: stopping \(process \d+\): no longer answers\. \w+ /\S* failed 2 times in a row")


def test_a_server_that_dies_in_an_answer_below_a_living_wrapper_costs_this_answer_alone(box):
    before = box.families()
    ends_an_answer(box, 4 * strain())
    replaced(box, before, "runtime")


def test_a_request_before_whose_first_word_the_server_dies_is_answered_by_the_next(box):
    before = box.families()
    answered_by_the_next(box)
    replaced(box, before, "runtime")


def test_a_server_that_dies_while_it_loads_below_a_living_wrapper_is_found_by_the_clock_of_the_start(tmp_path):
    stall = 'start_stall = "2s"\nstart_stall_floor = "1s"\nstart_stall_ceiling = "2s"\n'
    box = WrappedBox(tmp_path, "axera-poll", stall, {"load_ms": 60_000}).start(wait_ready=False)
    try:
        wait_until(lambda: box.pid_of("runtime") and box.runtime_state()["phase"] == "loading", what="it loads")
        old = box.family_of("runtime")
        (tmp_path / "scenario.json").write_text(json.dumps({**box.scenario, "timing": {**box.scenario["timing"], "load_ms": 50}}))
        box.kill("runtime")
        wait_until(lambda: not living(old), 30, "the whole group ends")
        box.wait_ready(60)
        assert box.say("[[text=all well]] afterwards") == "all well"
    finally:
        box.__exit__()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_wrapper_whose_server_died_outlives_corral(tmp_path, end):
    with WrappedBox(tmp_path, "axera-poll") as box:
        family = set().union(*box.families().values())
        box.kill("runtime")
        if end == "stop":
            assert box.stop() == 0
        else:
            os.kill(box.process.pid, signal.SIGKILL)
            box.process.wait(30)
        wait_until(lambda: not living(family), 10, f"nothing is left: {[processes().get(pid) for pid in family]}")

"""`corral serve` goes on as another image of its program while models stay loaded: nobody loses an answer, nothing is loaded twice."""

import os
import signal
import subprocess

import pytest

from harness import MODEL, descendants, free_port, living, pause, wait_until
from keyed_box import certificate, trusting
from test_portguard import ESCAPED, Original, of_services
from upgrade_box import box, Clients, install, text_of, UpgradeBox  # noqa: F401


@pytest.mark.parametrize("keep_alive", [False, True], ids=["a connection each", "kept connections"])
def test_under_load_nobody_loses_an_answer_and_nothing_is_loaded_again(box, keep_alive):
    before, loads = box.services(), box.log().count("event=service.starting")
    clients = Clients(box, 6, keep_alive)
    try:
        wait_until(lambda: len(clients.answers) > 10, what="answers come")
        install(box.program)
        box.upgrade()
        served = len(clients.answers)
        wait_until(lambda: len(clients.answers) > served + 10, what="answers come from the new image")
    finally:
        clients.stop()
    assert clients.problems == []
    assert box.services() == before
    assert box.log().count("event=service.starting") == loads
    assert box.process.poll() is None
    assert box.logged("kept=1/1")


def test_the_new_program_is_the_one_that_runs(box):
    old = os.stat(f"/proc/{box.process.pid}/exe").st_ino
    install(box.program)
    box.upgrade()
    assert os.stat(f"/proc/{box.process.pid}/exe").st_ino == os.stat(box.program.parent / "corral-serve").st_ino != old


def test_the_state_directory_stays_its_own(box):
    state = box.folder / "state-home" / "corral"
    beside = UpgradeBox(box.folder / "beside", config=f'state_directory = "{state}"\nadmin_socket = ""\n')
    for _ in range(2):
        box.upgrade()
        run = subprocess.run(beside.command(), capture_output=True, text=True, timeout=60)
        assert run.returncode == 1 and "set another 'state_directory'" in run.stderr, run.stderr
    assert box.say("[[text=still here]]") == "still here"


def test_a_long_answer_is_finished_first_and_those_who_come_meanwhile_are_served_after(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True, "timing": {"tokens_per_second": 40}}) as box:
        before = box.services()
        long = box.stream("[[n=60]]")
        lines = iter(long)
        next(lines)
        queued = box.stream_later("[[text=was queued]]")
        wait_until(lambda: box.get("/readyz").json["queue"]["waiting"] == 1, what="one waits")
        box.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: "event=upgrade.drain" in box.log(), what="it drains")
        late = box.stream_later("[[text=came late]]")
        rest = list(lines)
        assert rest[-1].get("done") is True and rest[-1]["eval_count"] >= 60, rest[-1]
        assert text_of(queued.open()) == "was queued"
        assert text_of(late.open()) == "came late"
        assert box.done() == 1
        assert box.services() == before


def test_a_connection_that_was_idle_stays_open(box):
    connection = box.connect()
    connection.request("GET", "/api/version")
    assert connection.getresponse().read()
    ours = connection.sock.getsockname()
    box.upgrade()
    connection.request("GET", "/api/version")
    assert connection.getresponse().status == 200
    assert connection.sock.getsockname() == ours


def test_with_tls_kept_connections_end_and_new_ones_are_served(tmp_path):
    certificate(tmp_path / "tls", "box.lan")
    box = UpgradeBox(tmp_path, {"directives": True}, config='[tls]\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"')
    box.tls = trusting(tmp_path / "tls")
    with box:
        before = box.services()
        kept = box.connect()
        kept.request("GET", "/api/version")
        assert kept.getresponse().read()
        box.upgrade()
        assert kept.sock.recv(1) == b""
        assert box.say("[[text=still encrypted]]") == "still encrypted"
        assert box.services() == before


def test_without_the_tap_it_works_too(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}, tap=False) as box:
        before = box.services()
        box.upgrade()
        assert box.say("[[text=no tap]]") == "no tap"
        assert box.services() == before


class UpgradeOriginal(UpgradeBox, Original):
    """A runtime with a port compiled in, moved by the guard or followed."""


@pytest.mark.parametrize("how", ["moved", "no library", "not reached"])
def test_a_guarded_runtime_stays_where_it_is(tmp_path, how):
    lines = 'guard_library = "/no/such/library.so"' if how == "no library" else ""
    prefix = ESCAPED if how == "not reached" else ()
    with UpgradeOriginal(tmp_path, {"directives": True}, compiled_in=free_port(), lines=lines, prefix=prefix) as box:
        before, open_at = box.services(), sorted(of_services(box))
        box.upgrade()
        assert box.services() == before
        assert sorted(of_services(box)) == open_at
        assert box.say("[[text=same place]]") == "same place"
        wait_until(lambda: bool(box.state().get("warning")) == (how != "moved"), what="what the guard did is known")
        box.kill("runtime")
        wait_until(lambda: box.pid_of("runtime") not in (None, before["runtime"]), what="a new runtime")
        box.wait_ready()
        assert sorted(of_services(box)) == open_at
        assert box.say("[[text=again]]") == "again"


def test_two_upgrades_in_a_row_and_a_runtime_killed_right_after(box):
    before = box.services()
    box.upgrade()
    box.upgrade()
    assert box.services() == before
    assert box.say("[[text=third image]]") == "third image"
    box.kill("runtime")
    wait_until(lambda: box.pid_of("runtime") not in (None, before["runtime"]), what="a new runtime")
    box.wait_ready()
    assert box.logged("killed by SIGKILL")
    assert box.pid_of("tokenizer") == before["tokenizer"]
    assert box.say("[[text=after the kill]]") == "after the kill"
    family = descendants(box.process.pid)
    assert box.stop() == 0
    wait_until(lambda: not living(family), 5, "no process left")


def test_kill_9_after_an_upgrade_leaves_no_process(box):
    box.upgrade()
    family = descendants(box.process.pid)
    assert set(box.services().values()) <= family
    box.process.kill()
    box.process.wait()
    wait_until(lambda: not living(family), 5, "no process left")


def test_a_tokenizer_killed_right_after_is_healed_without_a_load(box):
    before = box.services()
    box.upgrade()
    box.kill("tokenizer")
    wait_until(lambda: box.pid_of("tokenizer") not in (None, before["tokenizer"]), what="a new tokenizer")
    box.wait_ready()
    assert box.say("[[text=healed]]") == "healed"
    assert box.pid_of("runtime") == before["runtime"]


def test_a_runtime_that_still_loads_is_waited_for(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True, "timing": {"load_ms": 2500}}) as box:
        killed = box.pid_of("runtime")
        box.kill("runtime")
        loading = wait_until(lambda: (pid := box.pid_of("runtime")) != killed and pid, what="it loads again")
        box.upgrade()
        assert box.pid_of("runtime") == loading
        assert box.say("[[text=ready]]") == "ready"


def test_a_model_whose_command_is_another_is_started_anew(box):
    before = box.services()
    text = box.config_file.read_text()
    box.config_file.write_text(text.replace('CORRAL_SIM_BIND = "127.0.0.1"', 'CORRAL_SIM_BIND = "127.0.0.1", OTHER = "1"'))
    box.upgrade()
    box.wait_ready()
    after = box.services()
    assert after["runtime"] != before["runtime"] and after["tokenizer"] != before["tokenizer"]
    assert box.logged("kept=0/1")
    assert box.say("[[text=new]]") == "new"


def test_a_model_that_was_unloaded_stays_so(box):
    assert box.post("/api/generate", {"model": MODEL, "keep_alive": 0}).status == 200
    wait_until(lambda: box.pid_of("runtime") is None, what="it is unloaded")
    box.upgrade()
    assert box.pid_of("runtime") is None
    assert box.say("[[text=again]]") == "again"


def test_sigterm_while_an_upgrade_waits_ends_it_all(tmp_path):
    box = UpgradeBox(tmp_path, {"directives": True, "timing": {"tokens_per_second": 60}}).start()
    lines = iter(box.stream("[[n=60]]"))
    next(lines)
    box.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "event=upgrade.drain" in box.log(), what="it drains")
    family = descendants(box.process.pid)
    assert box.stop() == 0
    assert list(lines)[-1].get("done") is True
    wait_until(lambda: not living(family), 5, "no process left")


def test_five_upgrades_leave_no_descriptor_and_no_process_behind(box):
    box.upgrade()  # the first image had other parents of the same things
    assert box.say("[[text=warm]]") == "warm"

    def settled():
        """A client's connection lives a moment longer than its answer, so the least of some looks."""
        looks = []
        for _ in range(40):
            looks.append((box.descriptors(), len(descendants(box.process.pid))))
            pause.wait(0.02)
        return min(looks)

    before = settled()
    for turn in range(5):
        box.upgrade()
        assert box.say(f"[[text=turn {turn}]]") == f"turn {turn}"
    assert settled() == before

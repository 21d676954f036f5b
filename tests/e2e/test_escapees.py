"""Helpers that become daemons (a session of their own, a double fork, an emptied environment) end with their service, however
that ends, and with no other service."""

import contextlib
import os
import signal
import sys

import pytest

from harness import BIN, Box, processes, wait_until
from upgrade_box import UpgradeBox, install

# Leaves all behind by which a helper could be known, writes down its pid and lives on; then becomes the service.
BECOME_DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(sys.argv[1], "a") as pids:
            print(os.getpid(), file=pids)
        os.chdir("/")
        os.closerange(0, 256)
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
os.execvp(sys.argv[2], sys.argv[2:])
"""


def escapees(box, service):
    file = box.folder / f"{service}.pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def lives(pid):
    table = processes()
    return pid in table and table[pid][1] != "Z"


@contextlib.contextmanager
def box_with_escapees(folder, kind=Box):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "become_daemon.py").write_text(BECOME_DAEMON)
    sim = str(BIN / "corral-sim")

    def begin(service, *flags):
        return [sys.executable, str(folder / "become_daemon.py"), str(folder / f"{service}.pids"), sim, service, *flags]

    with kind(folder, runtime=begin("runtime", *Box.runtime_flags()),
              tokenizer=begin("tokenizer", "--host", "127.0.0.1", "--port", "{port}")) as box:
        for service in ("runtime", "tokenizer"):
            [helper] = wait_until(lambda: escapees(box, service), what=f"the helper of the {service} runs")
            assert lives(helper) and processes()[helper][0] == box.process.pid, "an orphan that corral has inherited"
        yield box


def restart_runtime(box):
    box.kill("runtime")
    wait_until(lambda: len(escapees(box, "runtime")) == 2, what="the runtime is started again")
    box.wait_ready()


def test_a_restart_ends_its_own_helper_and_no_other(tmp_path):
    with box_with_escapees(tmp_path) as box:
        [of_runtime], [of_tokenizer] = escapees(box, "runtime"), escapees(box, "tokenizer")
        restart_runtime(box)
        assert not lives(of_runtime)
        assert lives(escapees(box, "runtime")[1])
        assert lives(of_tokenizer)


def test_an_upgrade_keeps_the_knowledge(tmp_path):
    with box_with_escapees(tmp_path, UpgradeBox) as box:
        [of_runtime], [of_tokenizer] = escapees(box, "runtime"), escapees(box, "tokenizer")
        install(box.program)
        box.upgrade()
        assert lives(of_runtime) and lives(of_tokenizer), "they belong to services that go on"
        restart_runtime(box)
        assert not lives(of_runtime)
        assert lives(of_tokenizer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["a clean stop", "kill -9"])
def test_no_helper_outlives_corral(tmp_path, number):
    with box_with_escapees(tmp_path) as box:
        helpers = escapees(box, "runtime") + escapees(box, "tokenizer")
        os.kill(box.process.pid, number)
        box.process.wait(30)
        wait_until(lambda: not any(map(lives, helpers)), 10, "no helper is left")

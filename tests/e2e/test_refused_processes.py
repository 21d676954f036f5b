"""A bomb of processes beside a model: while the system refuses new ones no start is tried, it is said why, and the model is back soon
after."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness import BIN, Box, others_reach, strain, wait_until

USER = 61033  # nobody else's: the kernel counts the processes of a user
MOST = 120

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user"),
              pytest.mark.skipif(not others_reach(BIN / "corral"), reason="other users can't enter a folder above the programs")]

BOMB = """
import os, signal, time
os.setsid()
full = False
while True:
    try:
        if os.fork() == 0:
            signal.pause()
    except BlockingIOError:
        full = full or os.write(1, b"full\\n")
        time.sleep(0.001)
"""


def as_user():
    os.setgroups([])
    os.setgid(USER)
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST, MOST))
    os.setuid(USER)


@pytest.fixture
def home():
    """A folder that any user can reach, which those of the tests are not."""
    folder = Path(tempfile.mkdtemp(prefix="corral-bomb-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextlib.contextmanager
def bomb():
    """Has each process that the user may still have."""
    process = subprocess.Popen([sys.executable, "-c", BOMB], stdout=subprocess.PIPE, preexec_fn=as_user, cwd="/")
    try:
        assert process.stdout.readline() == b"full\n"
        process.stdout.close()
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_bomb_of_processes_costs_seconds(home):
    rule = 'restart = { first_backoff = "10ms", max_backoff = "10ms", intensity = 2, intensity_window = "60s", breaker_retry = "1h" }'
    box = Box(home / "box", {"directives": True}, model=rule)
    for file in [box.folder, *box.folder.rglob("*")]:
        os.chown(file, USER, USER)
    box.start(before_exec=as_user)
    try:
        check(box)
    finally:
        box.__exit__()


def check(box):
    assert box.say("[[text=before]]") == "before"
    slowest = 0.0

    def refused():
        nonlocal slowest
        began = time.monotonic()
        assert box.get("/healthz").status == 200
        slowest = max(slowest, (time.monotonic() - began) / strain())
        [model] = box.get("/readyz").json["models"]
        return "refuses new processes" in model.get("reason", "")

    with bomb():
        box.kill("runtime")
        wait_until(refused, 30, "why there is no start")
        # As long as some starts would take, and more than their breaker allows.
        end = time.monotonic() + 5
        wait_until(lambda: not refused() or time.monotonic() > end, 10)
        assert refused(), box.get("/readyz").body
    wait_until(lambda: box.get("/readyz").status == 200, 10, "ready when processes can be made again")
    assert box.say("[[text=after]]") == "after"
    assert slowest < 1

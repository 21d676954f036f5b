"""A Corral that another user runs: whoever asks is told whose it is, and of none that does not run."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import BIN, free_port, started, wait_until

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def home():
    """A folder that any user can reach, which those of the tests are not."""
    folder = Path(tempfile.mkdtemp(prefix="corral-user-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def surroundings(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CORRAL_", "OLLAMA_"))}
    return {**kept, "HOME": str(home)}


def status_of(home, user):
    return subprocess.run([BIN / "corral", "status", "--config", home / "corral.toml"], capture_output=True, text=True, user=user, group=user,
                          cwd=home, env=surroundings(home), timeout=60)


def test_whoever_asks_is_told_which_user_runs_one(home):
    theirs = home / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, -1)
    (theirs / "corral.toml").write_text(f'listen = "127.0.0.1:{free_port()}"\nstate_directory = "{theirs}/state"\n')
    log = home / "log"
    with open(log, "wb") as out:
        daemon = subprocess.Popen([BIN / "corral", "serve", "--config", theirs / "corral.toml"], stdout=out, stderr=out, user=NOBODY, group=NOBODY,
                                  stdin=subprocess.DEVNULL, cwd=theirs, env=surroundings(theirs))
    started.append(daemon)
    try:
        wait_until(lambda: "listening on" in log.read_text(), what="the other user's Corral listens")
        (home / "corral.toml").write_text(f'state_directory = "{home}/state"\n')
        asked = status_of(home, 0)
        assert asked.returncode == 1 and "Corral is not running as this user, but as '" in asked.stderr, asked.stderr
        assert "sudo -u " in asked.stderr, asked.stderr
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)


def test_a_closed_folder_alone_is_no_daemon(home):
    """Its owner runs none: what is said of a running Corral must be true."""
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    os.chown(closed, NOBODY - 1, -1)
    (home / "corral.toml").write_text(f'admin_socket = "{closed}/corral.sock"\n')
    asked = status_of(home, NOBODY)
    assert asked.returncode == 1 and "not running" in asked.stderr and "runs as another user" not in asked.stderr, asked.stderr

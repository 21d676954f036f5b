"""Helpers that become daemons (a session of their own, a double fork, an emptied environment) end with their service, however
that ends, and with no other service."""

import contextlib
import os
import pathlib
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


HIDE = BECOME_DAEMON.replace("import os, sys", "import os, resource, sys").replace(
    '        os.chdir("/")', '        resource.setrlimit(10, (5, 5))  # RLIMIT_LOCKS\n        os.chdir("/")')


@pytest.fixture
def delegated():
    """A control group that is ours to divide, or a skip."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    mounts = [line.split()[4] for line in lines if " - cgroup2 " in line]
    own = next((line[3:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")), None)
    if not mounts or own is None:
        pytest.skip("there is no second version of control groups here")
    group = pathlib.Path(mounts[0] + own.rstrip("/"), f"corral_e2e_{os.getpid()}")
    try:
        group.mkdir()
    except OSError as why:
        pytest.skip(f"no control group can be made here: {why}")
    yield group
    wait_until(lambda: not any(path.read_text() for path in group.rglob("cgroup.procs")), 10, "its group is empty")
    for inner in groups_in(group):
        (group / inner).rmdir()
    group.rmdir()


class GroupedBox(UpgradeBox):
    def below(self, group):
        self.group = group
        return self

    def command(self):
        return ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', str(self.group), *map(str, super().command())]


def groups_in(group):
    return sorted(path.name for path in group.iterdir() if path.is_dir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["a clean stop", "kill -9"])
def test_with_a_delegated_group_even_a_helper_that_hides_its_mark_ends_with_its_service(tmp_path, delegated, number):
    (tmp_path / "hide.py").write_text(HIDE)
    sim = str(BIN / "corral-sim")
    runtime = [sys.executable, str(tmp_path / "hide.py"), str(tmp_path / "runtime.pids"), sim, "runtime", *Box.runtime_flags()]
    with GroupedBox(tmp_path, runtime=runtime).below(delegated) as box:
        [helper] = wait_until(lambda: escapees(box, "runtime"), what="the helper runs")
        box.wait_ready()
        assert len(groups_in(delegated)) == 2, "a group for each service"
        install(box.program)
        box.upgrade()
        assert lives(helper) and len(groups_in(delegated)) == 2
        restart_runtime(box)
        assert not lives(helper)
        helpers = escapees(box, "runtime")
        os.kill(box.process.pid, number)
        box.process.wait(30)
        wait_until(lambda: not any(map(lives, helpers)), 10, "no helper is left")
        wait_until(lambda: groups_in(delegated) == [], 10, "no group is left")

"""Where nothing can be written any more answers go on, and what is kept is kept again when that is repaired."""

import contextlib
import ctypes
import os
import re
import resource
import signal

import pytest

from admin_cli import done
from harness import Box, pause, wait_until
from upgrade_box import UpgradeBox


@pytest.fixture
def box(tmp_path):
    with Box(tmp_path, {"directives": True}) as one:
        yield one


def lines_of_requests(box):
    return box.log().count(" INFO request id=")


def test_a_log_that_may_not_grow_costs_lines_and_nothing_else(box):
    """LimitFSIZE= of a unit: what grows beyond it gets SIGXFSZ, which ends a program that does not expect it."""
    assert box.say("[[text=before]] a question") == "before"
    wait_until(lambda: lines_of_requests(box) == 1, what="its line in the log")
    pid = box.process.pid
    size = box.log_file.stat().st_size
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    assert box.say("[[text=meanwhile]] a question") == "meanwhile"
    box.kill("runtime", signal.SIGKILL)
    assert box.say("[[text=after a death]] a question") == "after a death"
    assert box.process.poll() is None
    assert box.log_file.stat().st_size == size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    def told_again():
        box.say("[[text=afterwards]] a question")
        pause.wait(0.05)
        return lines_of_requests(box) > 1

    wait_until(told_again, what="the log goes on")
    assert box.stop() == 0


# What becomes of each folder below the state directory, and of itself.
CLOSED = {
    "unreadable": lambda folder: folder.chmod(0),
    "unwritable": lambda folder: folder.chmod(0o500),
    "of another user": lambda folder: os.chown(folder, 65534, 65534),
}


def like_an_ordinary_user():
    """For before_exec: root without what opens any file to it."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; refused where there is none to drop


@contextlib.contextmanager
def closed(state, how):
    """Files stay as they are, for to replace one only its folder counts."""
    folders = [state, *(path for path in state.rglob("*") if path.is_dir())]
    for folder in reversed(folders):
        CLOSED[how](folder)
    yield
    for folder in folders:
        os.chown(folder, os.geteuid(), os.getegid())
        folder.chmod(0o700)


class KeepingBox(Box):
    """What it is asked to keep."""

    @property
    def state(self):
        return self.folder / "state-home" / "corral"

    def start(self, **more):
        return super().start(before_exec=like_an_ordinary_user, **more)

    def die(self):
        """A crash, whose bundle is then written or not."""
        before = self.log().count("event=service.ready")
        self.kill("runtime", signal.SIGKILL)
        wait_until(lambda: self.log().count("event=service.ready") > before, 30, "the runtime is there again")
        assert self.say("[[text=after a death]] a question") == "after a death"

    def create(self, name):
        return self.post("/api/create", {"model": name, "from": "sim", "system": "You are a clerk.", "stream": False})

    def names(self):
        return {model["name"] for model in self.get("/api/tags").json["models"]}

    def reload(self, queue):
        """With another configuration, which is to be kept as the last good one."""
        text = re.sub(r"^max_queue = .*\n", "", self.config_file.read_text(), flags=re.MULTILINE)
        self.config_file.write_text(f"max_queue = {queue}\n{text}")
        before = self.log().count("the configuration was reloaded")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count("the configuration was reloaded") > before, what="reloaded")

    def told(self, event):
        return [line for line in self.log().splitlines() if f"event={event}" in line]


@pytest.mark.parametrize("how", CLOSED)
def test_a_state_directory_that_is_closed_meanwhile_costs_what_would_be_kept_and_nothing_else(tmp_path, how):
    if how == "of another user" and os.geteuid() != 0:
        pytest.skip("only root can give it away")
    with KeepingBox(tmp_path, {"directives": True}) as box:
        box.die()
        wait_until(lambda: list(box.state.glob("crashes/*.json")), what="the bundle of a crash")
        assert box.create("before").status == 200
        box.reload(90)
        wait_until(lambda: "max_queue = 90" in (box.state / "last_good.toml").read_text(), what="a copy of the configuration")

        with closed(box.state, how):
            for _ in range(2):
                box.die()
                wait_until(lambda: box.told("black-box.lost"), what="the log says that a crash was not kept")
            refused = box.create("meanwhile")
            assert refused.status >= 500 and refused.json["error"], refused.body
            assert str(box.state) not in refused.json["error"], "where things are kept is the operator's business"
            [why] = wait_until(lambda: re.findall("WARN model meanwhile:latest: .*", box.log()), what="the log says why")
            assert f"{box.state}/variants" in why and "Permission denied" in why, why
            assert box.names() == {"sim:latest", "before:latest"}
            kept = box.post("/api/chat", {"model": "before", "messages": [{"role": "user", "content": "[[text=of old]]"}], "stream": False})
            assert kept.status == 200 and kept.json["message"]["content"] == "of old", kept.body
            box.reload(91)
            # Of the copy before it may say that its folder could not be synchronised any more.
            wait_until(lambda: "last_good.toml" in "".join(box.told("configuration.not_copied")), what="the log says that no copy was made")
            not_copied = box.told("configuration.not_copied")
            assert len(box.told("black-box.lost")) == 1
            for event, path in (("black-box.lost", "crashes"), ("configuration.not_copied", "last_good.toml")):
                line = box.told(event)[-1]
                assert f"{box.state}/{path}" in line and "Permission denied" in line, line
                assert "ls -ld" in done(box, "explain", line.rpartition("id=")[2], socket=False), "what to do"

        box.die()
        wait_until(lambda: len(list(box.state.glob("crashes/*.json"))) == 2, what="bundles are kept again")
        assert box.create("meanwhile").status == 200 and "meanwhile:latest" in box.names()
        box.reload(92)
        wait_until(lambda: "max_queue = 92" in (box.state / "last_good.toml").read_text(), what="copies are made again")
        assert box.told("configuration.not_copied") == not_copied
        with closed(box.state, how):
            box.die()
            wait_until(lambda: len(box.told("black-box.lost")) == 2, what="the next time is told again")
        assert box.stop() == 0


class UpgradedBox(KeepingBox, UpgradeBox):
    pass


@pytest.mark.parametrize("how", CLOSED)
def test_an_upgrade_waits_for_its_state_directory(tmp_path, how):
    """The next image would have neither what clients have made, nor the lock, nor the socket of the commands."""
    if how == "of another user" and os.geteuid() != 0:
        pytest.skip("only root can give it away")
    with UpgradedBox(tmp_path, {"directives": True}) as box:
        assert box.create("before").status == 200
        with closed(box.state, how):
            assert str(box.state) in box.fails_to_upgrade()
            assert box.names() == {"sim:latest", "before:latest"}
        box.upgrade()
        assert box.create("after").status == 200
        assert box.names() == {"sim:latest", "before:latest", "after:latest"}
        assert "before" in done(box, "status"), "the commands have their socket"

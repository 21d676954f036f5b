"""corral logs: what services printed, followed over restarts, without a word of what people said."""

import json
import os
import re
import signal
import subprocess
import threading

import pytest

from admin_cli import corral, done, services_of
from harness import BIN, Box, wait_until
from upgrade_box import UpgradeBox


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("logs"), {"directives": True}) as shared:
        yield shared


class Follower:
    """`corral logs WORDS`, read in a thread."""

    def __init__(self, box, *words):
        self.process = subprocess.Popen([BIN / "corral", "logs", *words, "--config", box.config_file], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "XDG_STATE_HOME": str(box.folder / "state-home")})
        self.lines = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def has(self, pattern):
        return next((line for line in self.lines if re.search(pattern, line)), None)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.thread.join(20)
        self.process.stdout.close()
        return self.process.stderr.read()


def test_lines_are_followed_over_a_restart(box):
    follower = Follower(box, "-f", "sim/runtime", "--json")
    try:
        old = services_of(box)["runtime"]["pid"]
        wait_until(lambda: follower.has(f"started as process {old}"), what="the lines that were there already")
        assert done(box, "restart", "sim/runtime", "--wait").strip() == "sim:latest: ready"
        new = services_of(box)["runtime"]["pid"]
        assert new != old
        wait_until(lambda: follower.has(f"started as process {new}"), what="the line of the new process")
    finally:
        follower.end()
    lines = [json.loads(line) for line in follower.lines]
    assert {(line["model"], line["service"]) for line in lines} == {("sim:latest", "runtime")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) for line in lines)
    assert len({json.dumps(line) for line in lines}) > 3


def test_what_is_asked_for_is_shown_and_nothing_else(box):
    everything = [json.loads(line) for line in done(box, "logs", "--json", "-n", "10000").splitlines()]
    assert {(line["model"], line["service"]) for line in everything} == {
        ("sim:latest", "tokenizer"), ("sim:latest", "runtime"), (None, "corral")}
    stamps = [line["time"] for line in everything]
    assert stamps == sorted(stamps)
    own = done(box, "logs", "corral", "-n", "10000")
    assert "listening on http" in own and "  corral  " in own and "\x1b" not in own
    # The service alone will do where only one model has it, and the case of a model's name does not count.
    assert "  sim:latest/tokenizer  " in done(box, "logs", "tokenizer", "-n", "2")
    assert len(done(box, "logs", "SIM", "-n", "3").splitlines()) == 3
    assert done(box, "logs", "sim:latest/runtime", "-n", "0") == ""
    unknown = corral(box, "logs", "sim/runtim")
    assert unknown.returncode == 1 and "did you mean 'sim:latest/runtime'?" in unknown.stderr


def test_prompts_and_answers_are_not_in_it(box):
    follower = Follower(box, "-f")
    try:
        assert box.say("[[text=xyzzy-answer]] plugh-prompt") == "xyzzy-answer"
        done(box, "restart", "sim/runtime", "--wait")
        pid = services_of(box)["runtime"]["pid"]
        wait_until(lambda: follower.has(f"started as process {pid}"), what="it is followed")
    finally:
        follower.end()
    assert not follower.has("xyzzy|plugh")


def test_it_ends_with_the_daemon_and_readers_are_few(tmp_path):
    with Box(tmp_path) as box:
        followers = [Follower(box, "-f", "corral") for _ in range(8)]
        for each in followers:
            wait_until(lambda each=each: each.has("listening on"), what="it follows")
        one_more = corral(box, "logs", "-f")
        assert one_more.returncode == 1 and "8 readers" in one_more.stderr
        followers[0].end()
        wait_until(lambda: corral(box, "logs", "-n", "1").returncode == 0, what="lines without following")
        assert box.stop() == 0
        for each in followers[1:]:
            each.process.wait(20)
            assert each.process.returncode == 1 and "closed the connection" in each.end()


def test_lines_are_followed_over_an_upgrade(tmp_path):
    with UpgradeBox(tmp_path, {"directives": True}) as box:
        follower = Follower(box, "-f", "corral", "--json")
        try:
            wait_until(lambda: follower.has("listening on"), what="it follows")
            box.upgrade()
            wait_until(lambda: follower.has("event=upgrade.done"), what="the lines of the new image")
            assert follower.process.poll() is None
        finally:
            told = follower.end()
    assert "followed again" in told
    assert len(set(follower.lines)) == len(follower.lines), "no line comes twice"

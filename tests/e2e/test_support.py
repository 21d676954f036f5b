"""corral support: one bounded file for those who help, without secrets and without a word of what people said."""

import os
import signal
import stat

import pytest

from admin_cli import corral, done
from harness import Box, wait_until

SECRET = "hunter2-of-the-test"
SAID = "a rare sentence about ocelots"
LIMIT = 5_000_000


def with_secret(box):
    """The file, not what runs."""
    box.config_file.write_text(f'my_token = "{SECRET}"\n' + box.config_file.read_text())


def crash(box):
    before = box.pid_of("runtime")
    box.kill("runtime", signal.SIGKILL)
    wait_until(lambda: box.pid_of("runtime") not in (None, before), what="another process")
    box.wait_ready()
    wait_until(lambda: "sim" in corral(box, "logs", "--crash").stdout, what="a bundle")


def test_it_holds_what_helps_and_nothing_that_hurts(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        box.say(f"[[text={SAID}]] {SAID}")
        crash(box)
        with_secret(box)
        target = tmp_path / "out.txt"
        printed = done(box, "support", "-o", target)
        text = target.read_text()
        for part in ("==== machine:", "==== configuration:", "==== status:", "==== doctor:", "==== crash 1:", "==== log:",
                     "==== services:"):
            assert part in text, text[:2000]
        assert "my_token" in text and SECRET not in text
        assert SAID not in text and "ocelots" not in text
        assert "kernel:" in text and '"models"' in text and "SIGKILL" in text and "listening on" in text
        assert len(text) < LIMIT
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert str(target) in printed and "machine" in printed


def test_no_text_is_written_under_the_name_of_an_archive(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        for name in ("out.tgz", "out.tar.xz", "out.zip"):
            run = corral(box, "support", "-o", tmp_path / name)
            assert run.returncode == 1 and "ends in .txt" in run.stderr.replace("\n", " "), run
            assert not (tmp_path / name).exists()


def test_show_lists_it_and_writes_nothing(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        here = tmp_path / "here"
        here.mkdir()
        before = os.getcwd()
        os.chdir(here)
        try:
            printed = done(box, "support", "--show")
        finally:
            os.chdir(before)
        assert "configuration" in printed and "Nothing was written" in printed
        assert not list(here.iterdir())


def test_a_file_that_is_there_stays(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        target = tmp_path / "out.txt"
        target.write_text("mine")
        ended = corral(box, "support", "-o", target)
        assert ended.returncode == 1 and "another name" in ended.stderr
        assert target.read_text() == "mine"


def test_it_works_without_a_daemon(tmp_path):
    with Box(tmp_path, {"directives": True}) as box:
        pass
    text = done(box, "support", "-o", "-")
    assert "==== status: not known: " in text and "==== configuration:" in text and "==== doctor:" in text


@pytest.mark.parametrize("words", [(), ("--content",)])
def test_logs_that_may_hold_prompts_are_left_out_until_asked_for(tmp_path, words):
    with Box(tmp_path, {"directives": True}, config="log_content = true") as box:
        box.say("[[text=hello]] hello")
        crash(box)
        text = done(box, "support", "-o", "-", *words)
        withheld = "log_content = true" in text and "==== services:" not in text
        assert withheld == (not words)
        assert ('"lines": [' in text) == bool(words)

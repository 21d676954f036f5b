"""Limits of what the processes of a model use together."""

import pathlib
import subprocess

from harness import BIN, Box, wait_until

LIMITS = "limits = { memory_mb = 2000, tasks = 300 }\n"
GROUP = f"m{2000 * 1024 * 1024}.t300."
REFUSED = "runs without its [limits]"


def in_its_group(pid):
    return GROUP in pathlib.Path(f"/proc/{pid}/cgroup").read_text()


def test_limits_are_in_force_or_the_log_says_why_they_are_not(tmp_path):
    with Box(tmp_path, model=LIMITS) as box:
        box.say("hello")  # it is served either way
        for service in ("tokenizer", "runtime"):
            if in_its_group(box.pid_of(service)):
                continue
            # The log is written beside the answers.
            lines = wait_until(lambda name=service: [line for line in box.log().splitlines() if REFUSED in line and name in line],
                               what="the refusal is told")
            assert len(lines) == 1 and "control group" in lines[0], lines


def test_a_limit_out_of_its_range_is_named(tmp_path):
    box = Box(tmp_path, model="limits = { memory_mb = 3, tasks = 2, memori = 1 }\n")
    done = subprocess.run([BIN / "corral", "check", "--no-files", box.config_file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    for text in ("'memory_mb' must be 0 or at least 16", "'tasks' must be 0 or at least 16", "memori"):
        assert text in done.stderr, done.stderr

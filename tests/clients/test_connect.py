"""Continue's command line (`@continuedev/cli`), unmodified, told of the box by `corral connect`."""

import os
import pathlib
import shutil
import subprocess

import pytest

from answers import HELLO
from harness import BIN


def test_continue_answers_by_the_file_that_was_written(box, tmp_path):
    program = pathlib.Path(os.environ["CORRAL_NODE_MODULES"]) / ".bin" / "cn"
    if not program.exists():
        pytest.skip(f"Continue's command line is not installed: {program} is missing")
    home = {"HOME": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    subprocess.run([BIN / "corral", "connect", "continue", "--url", f"http://127.0.0.1:{box.port}", "--write"], check=True, env=home,
                   timeout=60, stdout=subprocess.DEVNULL)
    node = program.parent / "node"
    done = subprocess.run([str(node) if node.exists() else shutil.which("node"), program.resolve(), "--config",
                           tmp_path / ".continue/corral.yaml", "-p", HELLO],
                          capture_output=True, text=True, timeout=120, cwd=tmp_path, env=home, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and "hello there my friend" in done.stdout, done

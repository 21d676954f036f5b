"""Where the system refuses to give Corral the orphans of its services (a sandbox, an emulator), it serves all the same."""

import ctypes
import os
import platform
import struct
import sys

import pytest

from harness import BIN, Box, processes, wait_until
from test_escapees import BECOME_DAEMON, escapees, lives, restart_runtime

PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 22, 36, 38
PRCTL = {"x86_64": 157, "aarch64": 167}.get(platform.machine())


def refuse_subreaper():
    """A filter of system calls: prctl(PR_SET_CHILD_SUBREAPER) fails with EPERM, here and in all that is started."""
    load, equal, give = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 0), (equal, 0, 3, PRCTL), (load, 0, 0, 16), (equal, 0, 1, PR_SET_CHILD_SUBREAPER),
             (give, 0, 0, 0x00050001), (give, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for option, *rest in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, 2, ctypes.addressof(program))):
        if prctl(option, *map(ctypes.c_ulong, rest)) != 0:
            raise OSError(ctypes.get_errno(), "no filter of system calls")


class ConfinedBox(Box):
    def start(self, *more, **named):
        return super().start(*more, **{"before_exec": refuse_subreaper, **named})


@pytest.mark.skipif(PRCTL is None, reason="the number of prctl on this machine is not known here")
def test_serves_with_one_warning_and_ends_helpers(tmp_path):
    (tmp_path / "become_daemon.py").write_text(BECOME_DAEMON)
    runtime = [sys.executable, str(tmp_path / "become_daemon.py"), str(tmp_path / "runtime.pids"), str(BIN / "corral-sim"), "runtime",
               *Box.runtime_flags()]
    with ConfinedBox(tmp_path, runtime=runtime) as box:
        assert box.chat("hello").status == 200
        assert len(box.logged_times(r"WARN.*PR_SET_CHILD_SUBREAPER.*id=daemon\.orphans", 1)) == 1
        [helper] = wait_until(lambda: escapees(box, "runtime"), what="the helper of the runtime runs")
        wait_until(lambda: processes()[helper][0] != box.process.pid, what="another process has the orphan")
        assert lives(helper)
        restart_runtime(box)
        assert not lives(helper), "it ends with its service"
        assert os.path.exists(f"/proc/{box.process.pid}")

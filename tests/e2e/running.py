"""Processes as a test sees them: waiting without fixed sleeps, the process table, and one running corral with its log."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import pathlib
import pty
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

BIN = pathlib.Path(os.environ["CORRAL_BIN_DIR"])
ROOT = pathlib.Path(__file__).resolve().parents[2]


def others_reach(path):
    """Whether another user may enter every folder above."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


@functools.cache
def bin_for_others():
    """BIN, or a folder with the same programs where other users can't enter one above, such as root's home."""
    if others_reach(BIN / "corral"):
        return BIN
    folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-bin-"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    for name in ("corral", "corral-serve"):
        shutil.copy2(BIN / name, folder)
    return folder


pause = threading.Event()  # never set
started = []  # every process of corral
promised = []  # the signs of ports
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)  # under nohup; what is ignored is inherited, and no reload would be heard


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def listens(port):
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def service_manager():
    """(socket, path): what systemd hears from a unit of Type=notify whose NOTIFY_SOCKET is the path."""
    path = f"/tmp/corral-e2e-{os.getpid()}-notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(path)
        heard.settimeout(30)
        try:
            yield heard, path
        finally:
            os.unlink(path)


def end_all():
    """What a failed test left running, whose box never came to its end."""
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    for place in pathlib.Path("/tmp").glob(f"corral-e2e-{os.getpid()}-*.sock"):
        place.unlink(missing_ok=True)  # of simulators, which end by signals


def strain():
    """How many times as long as alone everything takes on this machine now: what wants a processor, for each of them."""
    minute, _, _, runnable, _ = pathlib.Path("/proc/loadavg").read_text().split()
    wanted = max(float(minute), int(runnable.split("/")[0]))  # the former lags behind, the latter is of this moment alone
    return min(max(1.0, wanted / len(os.sched_getaffinity(0))), 12.0)


def wait_until(condition, timeout=20.0, what="condition"):
    """The first true value of `condition()`, polled; fails the test after `timeout` seconds of a machine with nothing else to do."""
    spent, seen = 0.0, time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        now = time.monotonic()
        spent += (now - seen) / strain()
        seen = now
        assert spent < timeout, f"not within {timeout} s: {what}"
        pause.wait(0.005)


def processes():
    """pid -> (parent, state, command line) of everything that runs."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            stat = pathlib.Path("/proc", entry, "stat").read_text()
            state, parent = stat.rpartition(")")[2].split()[:2]
            command = pathlib.Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found[int(entry)] = (int(parent), state, command.strip())
    return found


def descendants(pid, table=None):
    table = table or processes()
    grown = {pid}
    while True:
        more = {p for p, (parent, _, _) in table.items() if parent in grown} - grown
        if not more:
            return grown - {pid}
        grown |= more


def living(pids):
    """Those that have not ended, by one look at the table: between two a process may go."""
    return {pid for pid, (_, state, _) in processes().items() if pid in pids and state != "Z"}


def own_address():
    """From which this machine sends beyond its own network; nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def free_port():
    """One that the kernel gives to nobody by itself. No Corral and no other test takes it until this process ends: all put up a sign of
    this name (process/service_port.hpp)."""
    ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    quiet = range(20_000, ephemeral) if ephemeral >= 21_000 else range(1024, 65_536)
    while True:
        port, sign = random.SystemRandom().choice(quiet), socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError), socket.socket() as probe:
            sign.bind(f"\0corral-service-port-{port}")
            probe.bind(("", port))
            promised.append(sign)
            return port
        sign.close()


def has_terminals():
    try:
        for handle in pty.openpty():
            os.close(handle)
    except OSError:
        return False
    return True


def own_mount(at, options):
    """For before_exec: makes `at` a file system of its own, in a mount namespace of the process that is about to be started."""
    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18

    def enter():
        if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0 or \
                libc.mount(b"none", str(at).encode(), b"tmpfs", options[0], options[1]) != 0:
            raise OSError(ctypes.get_errno(), "no mount namespace")
    return enter


class Daemon:
    """One corral that serves `config_file`, and what it says of itself: its log, its exit status, the port it listens on.

    Its owner sets `folder`, `config_file`, `log_file` and `listen`."""

    program = BIN / "corral"
    process = None
    port = None
    log_start = 0  # where the log of this start begins

    def command(self):
        return [self.program, "serve", "--config", self.config_file, "--listen", self.listen]

    def start(self, wait_ready=True, environment=None, before_exec=None, pass_fds=()):
        self.log_file.touch()
        self.log_start = len(self.log())
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, pass_fds=pass_fds,
                                            env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state-home"),
                                                 **(environment or {})}, preexec_fn=before_exec,
                                            # A service has no terminal, whoever runs its tests; with one it takes SIGHUP as its end.
                                            start_new_session=True)
        started.append(self.process)
        self.port = wait_until(self._listening_port, what="corral listens")
        if wait_ready:
            self.wait_ready()
        return self

    def _listening_port(self):
        found = re.findall(r"https?://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+) event=listening", self.log()[self.log_start:])
        if found:
            return int(found[-1])
        assert self.process.poll() is None, f"corral ended: {self.process.returncode}\n{self.log()}"
        return None

    def log(self):
        return self.log_file.read_text(errors="replace")

    def logged(self, pattern, timeout=10.0):
        """The match of `pattern` in the log, waited for: lines are written beside the answers."""
        return wait_until(lambda: re.search(pattern, self.log()), timeout, f"in the log: {pattern}")

    def logged_times(self, pattern, count, timeout=10.0):
        """All that `re.findall` finds in the log, as soon as there are `count`."""
        wait_until(lambda: len(re.findall(pattern, self.log())) >= count, timeout, f"{count} times in the log: {pattern}")
        return re.findall(pattern, self.log())

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Exit status of corral after `number`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout * strain())

"""A box whose program can be put in another's place while it runs, and clients that notice what goes wrong meanwhile."""

import http.client
import json
import os
import shutil
import signal
import sys
import threading

import pytest

from harness import BIN, MODEL, Box, wait_until


class UpgradeBox(Box):
    """Runs a copy of the program, so that a test can put another in its place."""

    listen_fd = None

    def command(self):
        if self.listen_fd is None:
            return super().command()
        return [sys.executable, "-c", ACTIVATE, str(self.listen_fd), *map(str, super().command())]

    def start(self, listen_fd=None, **more):
        self.program = self.folder / "corral"
        self.listen_fd = listen_fd
        if not self.program.exists():
            install(self.program)
        return super().start(pass_fds=() if listen_fd is None else (listen_fd,), **more)

    def done(self):
        return self.log().count("event=upgrade.done")

    def given_up(self):
        return self.log().count("event=upgrade.given-up")

    def upgrade(self, timeout=60):
        before = self.done()
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: self.done() > before, timeout, "the upgrade is done\n" + self.log()[-3000:])

    def fails_to_upgrade(self, timeout=60):
        before = self.given_up()
        self.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: self.given_up() > before, timeout, "the upgrade is given up\n" + self.log()[-3000:])
        return [line for line in self.log().splitlines() if "event=upgrade.given-up" in line][-1]

    def services(self):
        return {name: self.pid_of(name) for name in ("tokenizer", "runtime")}

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


# What systemd does for a socket unit: the listener is descriptor 3, and the variables name this process.
ACTIVATE = """
import os, sys
fd = int(sys.argv[1])
if fd != 3:
    os.dup2(fd, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def install(program, source=None):
    """As a package manager does: a new file takes the name of the old one."""
    fresh = program.with_suffix(".new")
    if source is None:
        shutil.copy2(BIN / "corral-serve", fresh)
        fresh.replace(program.parent / "corral-serve")
        shutil.copy2(BIN / "corral", fresh)
    else:
        fresh.write_text(source)
        fresh.chmod(0o755)
    fresh.replace(program)
    guard = BIN / "libcorral_portguard.so"
    if guard.exists() and not (program.parent / guard.name).exists():
        shutil.copy2(guard, program.parent)


def text_of(stream):
    assert stream.status == 200
    lines = list(stream)
    assert lines and lines[-1].get("done") is True, lines[-1:]
    assert sum(1 for line in lines if line.get("done")) == 1
    return "".join(line["message"]["content"] for line in lines)


class Clients:
    """Many that ask again and again; each answer must be whole and its own."""

    def __init__(self, box, count, keep_alive):
        self.box, self.keep_alive = box, keep_alive
        self.over = threading.Event()
        self.answers, self.problems = [], []
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def ask(self, number):
        connection = self.box.connect(120)
        turn = 0
        while not self.over.is_set():
            turn += 1
            mark = f"c{number}t{turn}"
            try:
                body = {"model": MODEL, "messages": [{"role": "user", "content": f"[[text={mark} a b c d e f g h {mark}]]"}]}
                connection.request("POST", "/api/chat", json.dumps(body), self.box.headers)
                response = connection.getresponse()
                lines = [json.loads(line) for line in response.read().splitlines()]
                text = "".join(line.get("message", {}).get("content", "") for line in lines)
                if response.status != 200 or not lines[-1].get("done") or text != f"{mark} a b c d e f g h {mark}":
                    self.problems.append((mark, response.status, lines[-1], text))
                self.answers.append(mark)
            except (OSError, http.client.HTTPException, ValueError, IndexError) as error:
                self.problems.append((mark, repr(error)))
                connection.close()
            if not self.keep_alive:
                connection.close()
        connection.close()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def box(tmp_path):
    made = UpgradeBox(tmp_path, {"directives": True})
    with made:
        yield made

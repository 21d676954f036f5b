"""What people see of typical mistakes on a terminal of 80 columns: the exit status, the next step, nothing cut.

CORRAL_MISTAKES=FILE writes the table as text."""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time

import pytest

from harness import BIN, ROOT, bin_for_others, free_port, started, wait_until
from mistakes import MISTAKES

COLUMNS = 80
NOBODY = 65534
GOOD = 'listen = "127.0.0.1:{port}"\nprofiles = ["{vendor}"]\nadmin_socket = "{folder}/socket"\nstate_directory = "{folder}/state"\n'


class Place:
    """A folder as a person has it: a configuration, a package, a manifest of it."""

    def __init__(self, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.package = self.folder / "package"
        self.process = None
        self.port = free_port()
        subprocess.run([BIN / "corral-sim", "package", self.package], check=True, stdout=subprocess.DEVNULL)
        (self.folder / "models.d").mkdir()
        self.write(GOOD)
        self.environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(self.folder), "TERM": "xterm", "NO_COLOR": "1", "TZ": "UTC",
                            "CORRAL_CONFIG": "corral.toml", "LANG": "C.UTF-8"}

    def write(self, text):
        (self.folder / "corral.toml").write_text(text.format(vendor=ROOT / "vendor", folder=self.folder, port=self.port))

    def change_manifest(self, old, new):
        self.imported()
        file = self.folder / "models.d/sim-latest.toml"
        text = file.read_text()
        assert re.search(old, text), (old, text)
        file.write_text(re.sub(old, new, text, count=1))

    def corral(self, *words):
        return subprocess.run([BIN / "corral", *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60)

    def imported(self):
        run = self.corral("import", "package", "--name", "sim")
        assert (self.folder / "models.d").is_dir(), run
        return run

    def serve(self):
        log = self.folder / "corral.log"
        with open(log, "ab") as out:
            self.process = subprocess.Popen([BIN / "corral", "serve"], cwd=self.folder, env=self.environment, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL)
        started.append(self.process)
        found = wait_until(lambda: re.search(r"listening on (\S+)", log.read_text()), what="corral listens")
        return found.group(1)

    def close(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def screen(self, words, user=None):
        """What a terminal shows of `corral WORDS`, and the exit status."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        program = (BIN if user is None else bin_for_others()) / "corral"
        process = subprocess.Popen([program, *words], cwd=self.folder, env=self.environment, stdin=theirs, stdout=theirs,
                                   stderr=theirs, user=user, group=user)
        os.close(theirs)
        text = b""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 0.2)
            try:
                part = os.read(ours, 65536) if ready else b""
            except OSError:
                break
            if ready and not part:
                break
            if not ready and process.poll() is not None:
                break
            text += part
        os.close(ours)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode(errors="replace")).replace("\r\n", "\n")
        # A line that is written again shows its last text.
        return "\n".join(line.rpartition("\r")[2] for line in shown.split("\n")), process.wait(10)


def second_daemon(place, address):
    port = address.rsplit(":", 1)[1].strip("/")
    (place.folder / "second.toml").write_text(
        f'listen = "127.0.0.1:{port}"\nadmin_socket = "{place.folder}/other"\nstate_directory = "{place.folder}/other-state"\n')


def layers(place):
    return sorted((place.package / "model").glob("*_l*_together.axmodel")) or sorted(place.package.rglob("*.axmodel"))


def pointer(place):
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 123456789\n"
    layers(place)[0].write_text(text)


def other_machine(place):
    # A little-endian S/390: this machine may emulate any other (binfmt_misc), and then its programs are at home.
    for path in place.package.rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            body = bytearray(path.read_bytes())
            body[18:20] = (22).to_bytes(2, "little")
            path.write_bytes(body)


def no_bit(place):
    for path in place.package.rglob("*"):
        if path.is_file() and path.read_bytes()[:2] in (b"\x7fE", b"#!"):
            path.chmod(0o644)


def full_disk(place):
    where = place.folder / "models.d"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", where], capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system may be mounted here")
    (where / "ballast").write_bytes(b"x" * 4096)


PREPARE = {
    "pointers": pointer,
    "hole": lambda place: layers(place)[0].unlink(),
    "page": lambda place: layers(place)[0].write_text("<!DOCTYPE html><html><body>Sign in</body></html>\n" * 40),
    "other machine": other_machine,
    "bit": no_bit,
    "imported": lambda place: place.imported(),
    "closed": lambda place: (place.folder / "corral.toml").chmod(0o600),
    "broken": lambda place: place.write(GOOD + "max_que = 4\n"),
    "full": full_disk,
}


def unfit(shown):
    """Lines that a terminal would break inside a word: longer than it, and more than one word. Commands to be pasted and lines of
    the log stay whole."""
    page = re.split(r"\nRun th(?:is|ese):\n", shown)[0]
    return [line for line in page.splitlines() if len(line) > COLUMNS and " " in line.strip() and not re.match(r"\d{4}-", line)]


def told(mistake, shown, status):
    out = open(os.environ["CORRAL_MISTAKES"], "a", encoding="utf-8")
    with out:
        out.write(f"## {mistake.title}\n$ corral {' '.join(mistake.words)}\n{shown.rstrip()}\n[exit status {status}]\n\n")


@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.title for one in MISTAKES])
def test_a_person_sees_the_next_step(mistake):
    if mistake.user and os.geteuid() != 0:
        pytest.skip("only root can be another user")
    place = Place("m")
    try:
        (place.folder / "empty").mkdir()
        if mistake.config is not None:
            place.write(mistake.config)
        if mistake.model is not None:
            place.change_manifest(*mistake.model)
        elif mistake.words[0] != "import":
            place.imported()
        if mistake.where == "fails":
            next(place.package.glob("main_api_*")).unlink()
            manifest = place.folder / "models.d/sim-latest.toml"
            manifest.write_text('restart = { first_backoff = "50ms", max_backoff = "1s" }\n' + manifest.read_text())
        address = place.serve() if mistake.where != "down" else None
        for what in mistake.prepare:
            second_daemon(place, address) if what == "second" else PREPARE[what](place)
        shown, status = place.screen(mistake.words, NOBODY if mistake.user else None)
        if "CORRAL_MISTAKES" in os.environ:
            told(mistake, shown, status)
        assert re.search(mistake.step, " ".join(shown.split())), shown
        assert status == mistake.status, (status, shown)
        assert not unfit(shown), unfit(shown)
    finally:
        subprocess.run(["umount", place.folder / "models.d"], capture_output=True, check=False)
        place.close()

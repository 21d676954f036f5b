"""Pulls of clients that the server does not live to see the end of: nothing half is served, nothing runs on, and what came counts."""

import hashlib
import json
import random
import signal
import subprocess

import pytest

from harness import BIN, descendants, wait_until
from hub import Hub, size_of
from pull_box import NAME, PullBox

BIG = 24_000_000
ENOUGH = 5_000_000  # of them, before something ends the pull
FOLDER = "Qwen3-4B"


class HubBox(PullBox):
    """Its catalogue leads to a hub, which is slow enough to be met in the middle."""

    def __init__(self, folder):
        super().__init__(folder)
        files = {str(one.relative_to(self.package)): one.read_bytes() for one in self.package.rglob("*")
                 if one.is_file() and one.name != "SHA256SUMS"}
        files["spare/big.bin"] = random.Random(6).randbytes(BIG)
        self.hub = Hub(folder, files)
        self.environment["SSL_CERT_FILE"] = str(self.hub.certificate)
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "HF_TOKEN", "HF_ENDPOINT"):
            self.environment.pop(name, None)
        self.slow = 'speed_limit = "8MB"\n'
        with open(self.config / "corral.toml", "a") as text:
            text.write(f'endpoint = "{self.hub.endpoint}"\n{self.slow}')
        (self.config / "catalogue.d" / "sim.toml").write_text(
            f'[[models]]\nname = "{NAME}"\nfamily = "qwen3"\n[[models.packages]]\nboxes = ["cpu"]\nprofile = "axera-poll"\n'
            f'hub = "o/{FOLDER}"\nlicense = "MIT"\nfacts = "the simulator"\n')

    def hurry(self):
        file = self.config / "corral.toml"
        file.write_text(file.read_text().replace(self.slow, ""))

    def __exit__(self, *_):
        super().__exit__()
        self.hub.close()

    def asker(self):
        return subprocess.Popen(["curl", "-sS", "--noproxy", "*", "-N", "--max-time", "120", f"{self.url}/api/pull", "-d",
                                 json.dumps({"model": NAME})], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def half_way(self):
        """A client that pulls, with megabytes of the large file on the disk; and the process that fetches them."""
        asker = self.asker()
        # The part bears the file's SHA-256; the simulator's own program may have megabytes too.
        named = hashlib.sha256(self.hub.files["spare/big.bin"]).hexdigest()
        wait_until(lambda: any(size_of(one) > ENOUGH for one in self.store.rglob(f".corral-pull/{FOLDER}/parts/{named}*")), 60,
                   "megabytes of the large file on the disk")
        fetching = [pid for pid in descendants(self.process.pid) if b"pull" in command_of(pid).split(b"\0")]
        assert fetching, "the pull is a process of its own"
        return asker, fetching[0]

    def check_resumed(self):
        """Asked again it goes on where it was, and is served."""
        assert not (self.store / FOLDER).exists() and self.tags() == []
        before = len(self.hub.requests)
        self.hurry()
        status, text = self.ask("POST", "/api/pull", {"model": NAME})
        assert status == 200 and text.splitlines()[-1] == '{"status":"success"}', text
        asked = [one for _, _, path, one, _ in self.hub.requests[before:] if path.endswith("big.bin")]
        assert asked and all(one and int(one.removeprefix("bytes=").removesuffix("-")) > ENOUGH for one in asked), asked
        assert self.tags() == [NAME]
        assert (self.store / FOLDER / "spare/big.bin").read_bytes() == self.hub.files["spare/big.bin"]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.fixture
def box(tmp_path):
    with HubBox(tmp_path) as one:
        yield one


def test_a_server_that_is_killed_takes_its_pull_along(box):
    asker, fetching = box.half_way()
    box.process.kill()
    box.process.wait(30)
    wait_until(lambda: not command_of(fetching), 30, "the pull has ended")
    asker.wait(30)
    assert "success" not in asker.stdout.read()
    box.url = restarted(box)
    box.check_resumed()


def restarted(box):
    box.log.write_text("")  # the address in it is the old one's
    return box.serve()


def test_a_restart_tells_who_waits_and_ends_the_pull(box):
    asker, fetching = box.half_way()
    box.process.send_signal(signal.SIGTERM)
    box.process.wait(60)
    wait_until(lambda: not command_of(fetching), 30, "the pull has ended")
    asker.wait(30)
    told = json.loads(asker.stdout.read().splitlines()[-1])
    assert told == {"error": "this server is being stopped; ask again to resume the pull"}
    box.url = restarted(box)
    box.check_resumed()


def test_an_upgrade_ends_the_pull_and_it_is_gone_on_with(box):
    asker, fetching = box.half_way()
    box.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: "event=upgrade.done" in box.log.read_text(), 60, "the upgrade is done")
    wait_until(lambda: not command_of(fetching), 30, "the pull has ended")
    asker.wait(60)
    told = json.loads(asker.stdout.read().splitlines()[-1])
    assert told == {"error": "this server is being upgraded; ask again to resume the pull"}
    box.check_resumed()


def test_a_pull_that_is_killed_itself_is_told_and_gone_on_with(box):
    asker, fetching = box.half_way()
    subprocess.run(["kill", "-9", str(fetching)], check=True)
    asker.wait(30)
    told = json.loads(asker.stdout.read().splitlines()[-1])
    assert "the pull ended early" in told["error"], told
    box.check_resumed()


def test_prune_takes_no_package_from_under_a_pull(box):
    box.hurry()
    asker = box.asker()
    while asker.poll() is None:
        subprocess.run([BIN / "corral", "prune", "--yes"], env=box.environment, capture_output=True, text=True, timeout=60)
    assert asker.stdout.read().splitlines()[-1] == '{"status":"success"}'
    assert box.tags() == [NAME]
    assert {str(one.relative_to(box.store / FOLDER)) for one in (box.store / FOLDER).rglob("*")
            if one.is_file() and one.name != ".corral-pull.json"} == set(box.hub.files)

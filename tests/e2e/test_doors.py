"""No reload, upgrade or socket of the service manager lets the network in without a key that was asked for before."""

import contextlib
import http.client
import signal
import socket

import pytest

from admin_cli import corral
from harness import free_port, wait_until
from keyed_box import SCENARIO, bearer, new_key
from running import own_address
from upgrade_box import UpgradeBox

KEYS = '[access]\nkeys = "keys"\n'


class Door(UpgradeBox):
    """Listens where its configuration says; `listen` is not on its command line."""

    def __init__(self, folder, listen, access):
        super().__init__(folder, SCENARIO)
        self.models = self.config_file.read_text()
        self.write(listen, access)
        self.key = new_key(self, "anna")
        self.headers = bearer(self.key)

    def write(self, listen, access):
        """`access` is last, for it may hold a table."""
        self.config_file.write_text(f'listen = "{listen}"\n{self.models}\n{access}')

    def command(self):
        return [part for part in super().command() if part not in ("--listen", self.listen)]


def status_without_key(address, port):
    """Nothing where nobody listens."""
    connection = http.client.HTTPConnection(address, port, timeout=10)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/api/tags")
            return connection.getresponse().status
        except ConnectionRefusedError:
            return None


def test_a_reload_to_loopback_without_keys_does_not_open_the_box(tmp_path):
    port = free_port()
    with Door(tmp_path, f"0.0.0.0:{port}", KEYS) as box:
        assert status_without_key("127.0.0.1", port) == 401
        for access in ("", "allow_unauthenticated = true\n"):
            box.write(f"127.0.0.1:{port}", "")
            box.config_file.write_text(access + box.config_file.read_text())
            told = corral(box, "reload")
            assert told.returncode == 1 and "could use it without a key" in told.stderr + told.stdout, told
            assert status_without_key("127.0.0.1", port) == 401, "nothing has changed"
        assert box.get("/api/tags").status == 200


def test_an_upgrade_to_loopback_closes_the_old_door_first(tmp_path):
    port, address = free_port(), own_address()
    with Door(tmp_path, f"0.0.0.0:{port}", KEYS) as box:
        outside = None
        if address:
            outside = http.client.HTTPConnection(address, port, timeout=30)
            outside.request("GET", "/api/tags", headers=box.headers)
            assert outside.getresponse().read()
        box.write(f"127.0.0.1:{port}", "")
        box.upgrade()
        assert status_without_key("127.0.0.1", port) == 200, "the file says so"
        if address:
            assert status_without_key(address, port) is None
            with pytest.raises((OSError, http.client.HTTPException)):
                outside.request("GET", "/api/tags")
                assert outside.getresponse().status != 200, "a kept connection is no way round"
        assert box.say("[[text=moved]]") == "moved"


def test_an_upgrade_whose_new_address_is_taken_does_not_go_back_without_keys(tmp_path):
    port, taken = free_port(), socket.socket()
    with Door(tmp_path, f"0.0.0.0:{port}", KEYS) as box, taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        box.write(f"127.0.0.1:{taken.getsockname()[1]}", "")
        box.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: box.process.poll() is not None, 60, "it ends rather than letting everybody in")
        assert status_without_key("127.0.0.1", port) is None


def test_an_upgrade_that_would_open_the_socket_of_the_service_manager_is_refused(tmp_path):
    with socket.socket() as ours:
        ours.bind(("0.0.0.0", 0))
        ours.listen(16)
        port = ours.getsockname()[1]
        box = Door(tmp_path, "127.0.0.1:1", KEYS)
        box.start(listen_fd=ours.fileno())
        try:
            assert status_without_key("127.0.0.1", port) == 401
            box.write("127.0.0.1:1", "")
            assert "without a key" in box.fails_to_upgrade()
            assert corral(box, "reload").returncode == 1
            assert status_without_key("127.0.0.1", port) == 401
            assert box.say("[[text=as before]]") == "as before"
        finally:
            box.__exit__()

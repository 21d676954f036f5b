"""The service manager: what it is told of an upgrade, and sockets that it opened."""

import http.client
import pathlib
import re
import signal
import socket

from harness import free_port, service_manager
from upgrade_box import UpgradeBox


def test_systemd_sees_one_service_that_reloads(tmp_path):
    with service_manager() as (systemd, path):
        box = UpgradeBox(tmp_path, {"directives": True}).start(environment={"NOTIFY_SOCKET": path})
        box.process.send_signal(signal.SIGUSR2)
        told = ""
        while not re.search(r"RELOADING=1\nMONOTONIC_USEC=\d+(.|\n)*READY=1", told):
            told += systemd.recv(4096).decode() + "\n"
        assert told.count("READY=1") == 2, told
        box.__exit__()


def listening_socket(port=0):
    made = socket.socket()
    made.bind(("127.0.0.1", port))
    made.listen(16)
    return made


def test_a_socket_of_the_service_manager_is_used(tmp_path):
    with listening_socket() as ours:
        port = ours.getsockname()[1]
        early = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        early.request("GET", "/api/version")  # before the service is there
        box = UpgradeBox(tmp_path, {"directives": True}, listen=f"127.0.0.1:{port}").start(listen_fd=ours.fileno())
        try:
            assert box.port == port
            assert early.getresponse().status == 200
            assert "LISTEN_FDS" not in pathlib.Path(f"/proc/{box.pid_of('runtime')}/environ").read_text()
            box.upgrade()
            assert box.say("[[text=activated]]") == "activated"
            assert "the socket of the service manager listens on" not in box.log()
        finally:
            box.__exit__()
        # It was never ours to close.
        with socket.create_connection(("127.0.0.1", port), 5):
            pass


def test_a_socket_at_another_address_is_used_and_told(tmp_path):
    with listening_socket() as ours:
        port, other = ours.getsockname()[1], free_port()
        box = UpgradeBox(tmp_path, {"directives": True}, listen=f"127.0.0.1:{other}").start(listen_fd=ours.fileno())
        try:
            assert box.port == port
            assert box.logged(rf"listens on 127\.0\.0\.1:{port}, and 'listen' says 127\.0\.0\.1:{other}")
            box.upgrade()
            assert box.get("/api/version").status == 200
        finally:
            box.__exit__()

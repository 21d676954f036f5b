"""A start that nobody watches: a configuration with a mistake, keys and certificates that come later."""

import http.client
import json
import os
import pty
import subprocess

from admin_cli import corral, done, status
from harness import BIN, Box, service_manager, wait_until
from keyed_box import bearer, certificate, new_key, trusting

NOBODY = "accepts no requests yet"


def copy_of(box):
    return box.folder / "state-home" / "corral" / "last_good.toml"


def kept(box, text):
    wait_until(lambda: copy_of(box).exists() and text in copy_of(box).read_text(), 10, f"a copy with {text!r}")


def begun(box, **more):
    """A start that may have to wait before it serves."""
    return box.start(wait_ready=False, **more)


def test_a_mistake_in_the_configuration_is_answered_by_its_last_good_copy(tmp_path):
    box = Box(tmp_path, {"directives": True})
    good = box.config_file.read_text()
    with box:
        kept(box, "log_level")
        assert copy_of(box).stat().st_mode & 0o777 == 0o600
    box.config_file.write_text("max_queue = = 7\n" + good)
    with box:
        assert box.say("[[text=still here]]") == "still here"
        told = status(box)
        assert told["in_place"]["served"].startswith("the last good copy (20")
        assert f"{box.config_file}:1:" in told["in_place"]["problems"][0] and told["closed"] == []
        page = done(box, "status")
        assert "has a mistake; Corral serves the last good copy" in page and f"{box.config_file}:1:" in page
        assert any("last good copy" in text for text in box.get("/readyz").json["warnings"])
        found = json.loads(corral(box, "doctor", "--json").stdout)
        assert {"daemon.stand-in", "configuration.error"} <= {one["id"] for one in found}
        assert box.logged("event=configuration.stands_in")
        # A reload with the mistake changes nothing; the repaired file is taken without one.
        assert corral(box, "reload").returncode == 1 and "in_place" in status(box)
        box.config_file.write_text("max_queue = 7\n" + good)
        wait_until(lambda: "in_place" not in status(box), 15, "the repaired file is taken")
        kept(box, "max_queue = 7")
        assert "warnings" not in box.get("/readyz").json
    # A power cut leaves an empty file.
    box.config_file.write_text("")
    with box:
        assert box.say("[[text=again]]") == "again"
        assert "is empty, perhaps because writing it was interrupted" in done(box, "status")


def test_a_stop_in_its_first_moments_blames_no_disk(tmp_path):
    box = begun(Box(tmp_path))
    assert box.stop() == 0
    assert "configuration.not_copied" not in box.log()


def test_the_copy_opens_no_door_that_the_file_may_have_closed(tmp_path):
    box = Box(tmp_path, {"directives": True})
    good = box.config_file.read_text()
    with box:
        kept(box, "log_level")
    key = new_key(box, "anna")
    keyed = good.replace("\n[[models]]", '\n[access]\nkeys = "keys"\n[[models]]', 1)
    box.config_file.write_text("oops\n" + keyed)
    begun(box)
    try:
        for headers in ({}, bearer(key)):
            refused = box.request("GET", "/api/tags", headers=headers)
            assert refused.status == 503 and NOBODY in refused.body.decode()
        assert "[access]" in status(box)["closed"][0]
        box.config_file.write_text(keyed)
        wait_until(lambda: box.request("GET", "/api/tags").status == 401, 15, "the repaired file is taken")
        box.headers = bearer(key)
        box.wait_ready()
        assert box.say("[[text=in]]") == "in"
    finally:
        box.__exit__()


def test_without_a_copy_a_mistake_ends_the_start_and_names_the_place(tmp_path):
    box = Box(tmp_path)
    box.config_file.write_text("oops\n")
    run = subprocess.run(box.command(), capture_output=True, text=True, timeout=30,
                         env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state-home")})
    assert run.returncode == 2 and f"{box.config_file}:1:" in run.stderr and "no last good copy" in run.stderr


def test_a_service_manager_s_start_takes_the_file_that_is_repaired_meanwhile(tmp_path):
    box = Box(tmp_path)
    good = box.config_file.read_text()
    box.config_file.write_text("oops\n")
    with service_manager() as (systemd, path):
        try:
            log = open(box.log_file, "ab")
            box.process = subprocess.Popen(box.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                           env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state-home"), "NOTIFY_SOCKET": path})
            assert "has a mistake" in systemd.recv(4096).decode()
            box.config_file.write_text(good)
            box.port = wait_until(box._listening_port, 20, "it listens")
            box.wait_ready()
        finally:
            box.__exit__()


def test_at_a_terminal_a_mistake_ends_the_start_though_there_is_a_copy(tmp_path):
    box = Box(tmp_path)
    with box:
        kept(box, "log_level")
    box.config_file.write_text("oops\n")
    ours, theirs = pty.openpty()
    run = subprocess.Popen(box.command(), stdout=theirs, stderr=theirs, stdin=theirs,
                           env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state-home")})
    os.close(theirs)
    assert run.wait(30) == 2
    assert ":1:" in os.read(ours, 4096).decode()
    os.close(ours)


def test_keys_that_come_later_are_waited_for(tmp_path):
    box = Box(tmp_path, {"directives": True}, config='[access]\nkeys = "late/keys"\n')
    begun(box)
    try:
        assert box.get("/healthz").status == 200
        for path in ("/", "/api/tags", "/v1/models", "/metrics"):
            refused = box.get(path)
            assert refused.status == 503 and NOBODY in refused.body.decode() and str(tmp_path) not in refused.body.decode()
        assert box.get("/readyz").status == 503 and box.get("/readyz").json["status"] == "closed"
        told = status(box)
        assert "late/keys" in told["closed"][0] and "all clients are refused" in done(box, "status")
        found = json.loads(corral(box, "doctor", "--json").stdout)
        assert "daemon.closed" in {one["id"] for one in found}
        assert not copy_of(box).exists()
        (tmp_path / "late").mkdir()
        made = subprocess.run([BIN / "corral", "key", "new", "anna", "--file", tmp_path / "late/keys"], check=True,
                              capture_output=True, text=True)
        box.headers = bearer(made.stdout.strip())
        box.wait_ready()
        assert box.say("[[text=in]]") == "in"
        assert box.request("GET", "/api/tags", headers={"Authorization": ""}).status == 401
        assert box.logged("event=door.opened")
        kept(box, "late/keys")
    finally:
        box.__exit__()


def test_a_certificate_that_comes_later_is_waited_for_and_nothing_is_served_plain(tmp_path):
    box = Box(tmp_path, {"directives": True}, config='[tls]\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"\n')
    begun(box)
    try:
        plain = http.client.HTTPConnection("127.0.0.1", box.port, timeout=30)
        plain.request("GET", "/api/tags")
        answer = plain.getresponse()
        assert answer.status == 503 and NOBODY in answer.read().decode()
        assert box.get("/healthz").status == 200
        certificate(tmp_path / "tls", "late.lan")
        box.tls = trusting(tmp_path / "tls")
        box.logged("event=door.opened", 20)
        box.wait_ready()
        assert box.say("[[text=safe]]") == "safe"
        # The plain connection from before is gone.
        try:
            plain.request("GET", "/api/tags")
            assert plain.getresponse().status != 200
        except (http.client.HTTPException, OSError):
            pass
    finally:
        box.__exit__()


def test_a_state_directory_that_can_t_be_written_is_a_warning(tmp_path):
    box = Box(tmp_path, {"directives": True}, config='state_directory = "flat/state"\nadmin_socket = ""\n')
    (tmp_path / "flat").write_text("a file")
    with box:
        box.logged("event=configuration.not_copied")
        assert box.say("[[text=on]]") == "on"

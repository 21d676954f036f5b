"""`corral upgrade`: the same for people, who are told how it ended; and beside what else the admin socket can do."""

import json
import subprocess
import time

from admin_cli import corral, done, model_of, status
from harness import strain, wait_until
from upgrade_box import box, install  # noqa: F401


def test_a_person_is_told_that_it_worked(box):
    services = box.services()
    said = done(box, "upgrade")
    assert said.startswith("upgraded: corral "), said
    assert box.services() == services
    assert status(box)["upgrade"] == {"under_way": False, "status": "", "failure": ""}
    assert box.say("[[text=still here]]") == "still here"


def test_a_person_is_told_why_it_did_not(box):
    other = box.folder / "other"
    install(other, "#!/bin/sh\nexit 1\n")
    refused = corral(box, "upgrade", str(other))
    assert refused.returncode == 1
    assert "nothing has changed" in refused.stderr, refused.stderr
    assert status(box)["upgrade"]["failure"] in refused.stderr
    assert box.say("[[text=as before]]") == "as before"


def test_a_daemon_that_dies_of_it_is_noticed_at_once(box):
    real = box.folder / "real"
    install(real)
    install(box.program, f'#!/bin/sh\n[ "$1" = preflight ] && exec {real} "$@"\nexit 3\n')
    asked = subprocess.Popen([real, "upgrade", "--config", box.config_file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env={"XDG_STATE_HOME": str(box.folder / "state-home")})
    wait_until(lambda: box.process.poll() is not None, 30, "the daemon has ended")
    died = time.monotonic()
    _, err = asked.communicate(timeout=30)
    assert asked.returncode == 1 and "ended during the upgrade" in err, err
    assert time.monotonic() - died < min(10 * strain(), 25)


def test_the_program_of_the_request_must_be_a_path(box):
    path = status(box)  # the daemon answers
    assert path["pid"] == box.process.pid
    refused = corral(box, "upgrade", "/nowhere/at/all")
    assert refused.returncode == 1 and box.done() == 0


def test_a_model_that_its_operator_stopped_stays_so(box):
    done(box, "stop", "sim")
    done(box, "upgrade")
    assert model_of(box)["state"] == "stopped"
    refused = box.chat("hello")
    assert refused.status == 503 and "operator" in refused.json["error"], refused.body
    done(box, "start", "sim", "--wait")
    assert box.say("[[text=back]]") == "back"


def test_a_reload_waits_for_no_upgrade(box):
    endless = box.stream_later("[[never_end]] go")
    stream = endless.open()
    lines = iter(stream)
    next(lines)
    asked = subprocess.Popen([box.program, "upgrade", "--config", box.config_file], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, env={"XDG_STATE_HOME": str(box.folder / "state-home")})
    wait_until(lambda: "1 running" in status(box)["upgrade"]["status"], 20, "the upgrade waits for the answer")
    refused = corral(box, "reload")
    assert refused.returncode == 1 and "an upgrade is under way" in refused.stderr, refused.stderr
    stream.close()
    out, err = asked.communicate(timeout=60)
    assert asked.returncode == 0 and out.startswith("upgraded"), (out, err)


def test_a_file_with_a_mistake_stops_the_upgrade_before_anything_changes(box):
    good = box.config_file.read_text()
    box.config_file.write_text(good + "\nnonsense = 1\n")
    # Named by its socket: the command line reads the same file.
    socket = json.loads(done(box, "status", "--json", "--socket", str(box.folder / "state-home/corral/corral.sock"), socket=False))
    assert socket["ok"] is True
    refused = corral(box, "upgrade", "--socket", str(box.folder / "state-home/corral/corral.sock"), socket=False)
    assert refused.returncode == 1 and "nonsense" in refused.stderr, refused.stderr
    box.config_file.write_text(good)
    assert box.say("[[text=unharmed]]") == "unharmed"

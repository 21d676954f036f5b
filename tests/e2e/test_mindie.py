"""MindIE's habits: settings that are made for it, an end by its own abort, a failed start that looks like the kernel's doing."""

import json
import shutil
import stat

import pytest

from admin_cli import services_of
from harness import Box, wait_until

QUICK = '[models.restart]\nfirst_backoff = "50ms"\nmax_backoff = "100ms"\nintensity = 3\n'


def make(folder, **more):
    return Box(folder, {"directives": True, **more.pop("scenario", {})}, profile="mindie", model=QUICK,
               config=f'state_directory = "{folder / "state"}"\n', **more)


def settings_of(box):
    return box.folder / "state" / "services" / "sim:latest.runtime.config.json"


@pytest.fixture
def box(tmp_path):
    with make(tmp_path) as running:
        yield running


def test_its_settings_name_the_ports_that_were_found_and_are_for_one_user_alone(box):
    said = json.loads(settings_of(box).read_text())
    server = said["ServerConfig"]
    ports = {server["port"], server["managementPort"], server["metricsPort"]}
    assert len(ports) == 3 and 0 not in ports
    assert (server["ipAddress"], server["httpsEnabled"], server["fullTextEnabled"]) == ("127.0.0.1", False, False)
    assert said["BackendConfig"]["ModelDeployConfig"]["ModelConfig"][0]["modelWeightPath"] == str(box.package)
    assert stat.S_IMODE(settings_of(box).stat().st_mode) == 0o600
    assert stat.S_IMODE(settings_of(box).parent.stat().st_mode) == 0o700


def test_settings_that_somebody_changed_or_removed_are_made_again_before_the_next_start(box):
    before = settings_of(box).read_text()
    settings_of(box).write_text('{"ServerConfig": {}}')
    box.kill("runtime")
    wait_until(lambda: services_of(box)["runtime"]["starts"] == 2, 20, "started anew")
    box.wait_ready(20)
    assert settings_of(box).read_text() == before
    shutil.rmtree(settings_of(box).parent)
    box.kill("runtime")
    wait_until(lambda: services_of(box)["runtime"]["starts"] == 3, 20, "started anew")
    box.wait_ready(20)
    assert box.say("[[text=all well]] hello") == "all well"


def test_a_server_that_is_busy_with_the_answers_of_others_is_not_restarted(tmp_path):
    box = Box(tmp_path, {"directives": True, "timing": {"tokens_per_second": 20}}, profile="mindie", model='[models.clocks]\ncall = "2s"\n')
    box.config_file.write_text(box.config_file.read_text().replace("parallel = 1", "parallel = 2"))
    with box:
        lines = iter(box.stream("[[n=100]]"))
        next(lines)
        box.fault("runtime", "busy")
        waits = box.stream_later("[[text=mine]]")
        assert list(lines)[-1].get("done") is True
        box.fault("runtime", "busy", on=False)
        assert "".join(line["message"]["content"] for line in waits.open()) == "mine"
        assert services_of(box)["runtime"]["starts"] == 1


def test_settings_that_can_not_be_written_start_nothing_and_heal(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "services").write_text("in the way")
    box = make(tmp_path)
    try:
        box.start(wait_ready=False)
        reason = wait_until(lambda: "settings could not be written" in (r := services_of(box)["runtime"])["reason"] and r, 20, "told")
        assert reason["starts"] == 0 and "state/services" in reason["reason"] and "state_directory" in reason["advice"]
        (tmp_path / "state" / "services").unlink()
        box.wait_ready(30)
        assert box.say("[[text=all well]] hello") == "all well"
    finally:
        box.stop()


def test_its_own_abort_is_the_end_of_a_stop_and_no_crash(box):
    box.say("[[n=3]] hello")
    pid = services_of(box)["runtime"]["pid"]
    box.post("/api/generate", {"model": "sim", "keep_alive": 0})
    wait_until(lambda: services_of(box)["runtime"]["state"] == "stopped", 20, "unloaded")
    box.logged(f"(process {pid}|runtime: stopped).*asked to stop")
    told = [line for line in box.log().splitlines() if f"process {pid}" in line or "runtime: stopped" in line]
    assert not any("crash" in line or "SIGKILL" in line for line in told), told
    assert not (box.folder / "state" / "crashes").exists() or not list((box.folder / "state" / "crashes").iterdir())


def test_a_start_that_fails_says_why_and_not_that_memory_was_short(tmp_path):
    box = make(tmp_path, scenario={"faults": {"start_fail": True}})
    try:
        box.start(wait_ready=False)
        seen = wait_until(lambda: (r := services_of(box)["runtime"])["state"] in ("waiting", "broken") and r, 20, "told")
        assert "endpoint could not be created" in seen["reason"], seen
        assert "owner and mode of the weights" in seen["advice"]
    finally:
        box.stop()


def test_a_saturated_server_is_not_taken_for_dead(box):
    """/v2/health/ready would be 503, /v1/models answers all the same."""
    box.fault("runtime", "busy")
    starts = services_of(box)["runtime"]["starts"]
    later = box.stream_later("[[text=all well]] hello")
    wait_until(lambda: box.get("/readyz").json["queue"]["running"] == 1, 20, "it has its turn")
    requests = box.runtime_state()["requests"]
    wait_until(lambda: box.runtime_state()["requests"] > requests + 1, 20, "it is asked again")
    box.fault("runtime", "busy", on=False)
    assert "".join(line["message"]["content"] for line in later.open()) == "all well"
    assert services_of(box)["runtime"]["starts"] == starts

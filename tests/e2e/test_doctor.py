"""`corral doctor`: what a person reads and a script gets, with the daemon down and up, and that a start fails with the same words."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

from harness import BIN, ROOT, Box, free_port, wait_until
from test_device import DeviceBox
from test_startup_faults import HOLDER, LFS_POINTER, Opened, broken_reason, program


def doctor(box, *words):
    """(exit status, standard output) of the doctor with the box's configuration."""
    done = subprocess.run([BIN / "corral", "doctor", "--config", box.config_file, *words], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "OLLAMA_HOST": "127.0.0.1:0",  # whoever has the usual port here
                               "XDG_STATE_HOME": str(box.folder / "state-home")})
    assert done.returncode in (0, 1, 2, 3), done.stderr
    return done.returncode, done.stdout if done.returncode != 3 else done.stderr


def findings(box, *words):
    status, text = doctor(box, "--json", *words)
    found = json.loads(text)
    for one in found:
        assert set(one) == {"id", "severity", "subject", "what", "why", "fix"}, one
        assert all(isinstance(value, str) for value in one.values())
        assert one["id"] and one["what"] and (one["severity"] == "note" or one["fix"]), one
    worst = {"error": 2, "warning": 1, "note": 0}
    ranks = [worst[one["severity"]] for one in found]
    assert ranks == sorted(ranks, reverse=True), "worst first"
    assert status == (max(ranks) if ranks else 0)
    return {one["id"]: one for one in found}


def well(folder, **more):
    """A box in which nothing is wrong but, on this machine, that there is no card."""
    return DeviceBox(folder, **more)


def test_with_the_daemon_down_and_all_well_it_says_so(tmp_path):
    box = well(tmp_path)
    found = findings(box)
    assert not [one for one in found.values() if one["severity"] == "error"], found
    assert found["daemon.not-running"]["severity"] == "note"
    assert "37 C" in found["device.card"]["what"], found
    status, page = doctor(box)
    assert "the device" in page and "\x1b" not in page, "no colours in a pipe"
    assert status == (1 if any(one["severity"] == "warning" for one in found.values()) else 0)


def test_a_box_without_a_model_shows_its_cards_by_the_tools_of_installed_profiles(tmp_path):
    (tmp_path / "corral.toml").write_text("")
    shipped = (ROOT / "vendor/axera-poll/profile.toml").read_text()
    (tmp_path / "vendor/card").mkdir(parents=True)
    (tmp_path / "device.json").write_text('{"model_mib": 100}')

    def look(command, environment):
        profile = re.sub(r'(?m)^command = \["/usr/bin/axcl/axcl-smi"\]\nenvironment = .*$',
                         f"command = {json.dumps(command)}\nenvironment = {environment}", shipped)
        assert profile != shipped
        (tmp_path / "vendor/card/profile.toml").write_text(profile)
        done = subprocess.run([BIN / "corral", "doctor", "--json", "--config", tmp_path / "corral.toml"], capture_output=True,
                              text=True, timeout=60)
        return {one["id"]: one for one in json.loads(done.stdout)}

    tool = [str(BIN / "corral-sim"), "axcl-smi"]
    found = look(tool, f'{{ CORRAL_SIM_DEVICE = "{tmp_path / "device.json"}" }}')
    assert "37 C" in found["device.card"]["what"] and "device.none" not in found, found
    assert " of memory are free" in found["memory.host"]["what"], found
    found = look(["/bin/false"], "{}")
    assert found["device.not-looked-at"]["severity"] == "warning", "a tool that is there and fails"
    found = look(["/nonexistent/axcl-smi"], "{}")
    assert "device.card" not in found and "device.not-looked-at" not in found, found


def test_it_asks_the_daemon_that_runs_and_takes_nothing_of_it_for_a_stranger(tmp_path):
    with well(tmp_path) as box:
        box.wait_learned()
        found = findings(box)
        assert str(box.process.pid) in found["daemon.running"]["what"]
        assert not [one for one in found.values() if one["severity"] == "error"], found
        assert "device.held-by-other" not in found and "process.left-over" not in found, found


@pytest.mark.parametrize("kind", ["lfs", "arch", "missing"])
def test_a_start_is_refused_with_the_very_sentence_of_the_doctor(tmp_path, kind):
    path = program(tmp_path, kind)
    with Opened(tmp_path / "box", runtime=[str(path), *Box.runtime_flags()]) as box:
        reason = broken_reason(box)
        found = [one for one in findings(box, "sim").values() if one["id"].startswith("program.")]
        assert len(found) == 1 and found[0]["severity"] == "error", found
        assert found[0]["subject"] == "model sim:latest, service runtime"
        assert found[0]["what"] in reason, (found, reason)
        wait_until(lambda: found[0]["fix"] in str(box.get("/readyz").json) + box.log(), what=f"it says what to do: {found}")
        status, page = doctor(box)
        assert status == 2 and found[0]["what"] in page and found[0]["fix"] in page


def test_what_was_repaired_starts_by_itself_and_the_doctor_is_content(tmp_path):
    path = program(tmp_path, "lfs")
    with Opened(tmp_path / "box", {"directives": True}, runtime=[str(path), *Box.runtime_flags()]) as box:
        broken_reason(box)
        told = {one["id"]: one["what"] for one in findings(box).values() if one["severity"] == "error"}
        assert "model.broken" not in told and len(told) == 1, told  # by the check that refuses its start, and by it alone
        fresh = path.with_suffix(".new")
        fresh.write_text(f'#!/bin/sh\nexec "{BIN}/corral-sim" runtime "$@"\n')
        fresh.chmod(0o755)
        fresh.rename(path)
        box.wait_ready(40)
        assert box.say("[[text=repaired]]") == "repaired"
        assert not [one for one in findings(box).values() if one["severity"] == "error"]


def test_who_holds_a_port_is_named_with_what_to_do(tmp_path):
    port = free_port()
    box = Box(tmp_path / "box")
    text = box.config_file.read_text().replace("[models.services.runtime]\nport = 0", f"[models.services.runtime]\nport = {port}")
    box.config_file.write_text(f'listen = "127.0.0.1:{port + 1 if port < 65535 else port - 1}"\n' + text)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(port), "exclusive"], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline().strip() == "held"
        taken = findings(box)["port.taken"]
        assert f"port {port} is already taken by" in taken["what"] and f"(pid {holder.pid})" in taken["what"]
        assert str(holder.pid) in taken["fix"] or "systemctl" in taken["fix"]
    finally:
        holder.kill()
        holder.wait()
    wait_until(lambda: "port.taken" not in findings(box), 10, "the port is free")


def test_another_server_on_our_own_address_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        box = Box(tmp_path, config=f'listen = "127.0.0.1:{other.getsockname()[1]}"')
        taken = findings(box)["listen.taken"]
        assert taken["severity"] == "error" and f"(pid {os.getpid()})" in taken["what"], taken


@pytest.mark.parametrize("device,word", [({"fault": "no_card"}, "shows no card"), ({"fault": "hang"}, "does not answer")])
def test_a_lost_card_and_a_hanging_driver_are_told_apart(tmp_path, device, word):
    found = findings(well(tmp_path, device=device, look='timeout = "1s"'))
    assert found["device.unusable"]["severity"] == "error" and word in found["device.unusable"]["what"], found
    assert "axcl-smi reboot -d 0" in found["device.unusable"]["fix"], found


def test_mistakes_of_the_configuration_are_findings_and_the_rest_is_examined(tmp_path):
    box = Box(tmp_path, runtime=["/nonexistent/main_api"])
    box.config_file.write_text("lisen = 1\n" + box.config_file.read_text())
    status, text = doctor(box, "--json")
    found = {one["id"]: one for one in json.loads(text)}
    assert status == 2
    assert "lisen" in found["configuration.error"]["what"] and box.config_file.name in found["configuration.error"]["what"]
    assert "/nonexistent/main_api" in found["program.missing"]["what"], "its models are examined all the same"


def test_a_model_that_is_not_there_cannot_be_examined(tmp_path):
    status, text = doctor(Box(tmp_path), "simm")
    assert status == 3 and "there is no model 'simm'" in text and "did you mean 'sim" in text, text


VARIABLES = """
[models.variables]
runtime_program = "./main_api_axcl_x86"
layer_files = "model/sim_p128_l%d_together.axmodel"
layers = "4"
post_file = "model/sim_post.axmodel"
embedding_file = "model/model.embed_tokens.weight.bfloat16.bin"
embedding_size = "8"
[models.context]
vocabulary = 151936
"""


def packaged(folder, model=""):
    """A model that says by the profile's variables what its package holds, as people's models do."""
    command = ["{runtime_program}", "--devices", "0", "--template_filename_axmodel", "{layer_files}", "--axmodel_num", "{layers}",
               "--filename_post_axmodel", "{post_file}", "--filename_tokens_embed", "{embedding_file}",
               "--tokens_embed_num", "{vocabulary}", "--tokens_embed_size", "{embedding_size}",
               "--url_tokenizer_model", "{tokenizer_url}"]
    box = Opened(folder, {"directives": True}, runtime=command, model=model + VARIABLES)
    shutil.copy(BIN / "corral-sim", box.package / "main_api_axcl_x86")
    return box


def layer(box, number):
    return box.package / "model" / f"sim_p128_l{number}_together.axmodel"


def errors(box):
    return [one for one in findings(box).values() if one["severity"] == "error"]


def test_a_missing_layer_keeps_the_runtime_from_starting_and_is_seen_when_it_comes(tmp_path):
    box = packaged(tmp_path)
    assert not errors(box), "a whole package is no reason for alarm"
    layer(box, 2).rename(tmp_path / "away")
    [told] = errors(box)
    assert told["id"].startswith(("layers.", "file.")) and told["subject"] == "model sim:latest", told
    with box:
        assert told["what"].rstrip(".") in broken_reason(box)
        assert "runtime: starting (process" not in box.log(), "no process was started in vain"
        assert box.pid_of("tokenizer"), "what does not need the file does not wait for it"
        (tmp_path / "away").rename(layer(box, 2))
        box.wait_ready(40)
        assert box.say("[[text=whole]]") == "whole"


def test_preflight_can_be_left_out_and_then_the_runtime_speaks_for_itself(tmp_path):
    box = packaged(tmp_path, 'preflight = false\n[models.restart]\nfirst_backoff = "50ms"\nmax_backoff = "1s"\n')
    layer(box, 2).unlink()
    [told] = errors(box)
    with box:
        reason = broken_reason(box, 40)
        assert "layer" in reason.lower() or "model file" in reason.lower(), reason
        assert told["what"] not in reason and box.logged(r"runtime: starting \(process")


def test_files_that_were_not_downloaded_are_counted(tmp_path):
    box = packaged(tmp_path)
    for number in (1, 3):
        layer(box, number).write_text(LFS_POINTER)
    status, page = doctor(box)
    assert status == 2 and "file.lfs-pointer" in page and "2 files that this model needs" in page, page

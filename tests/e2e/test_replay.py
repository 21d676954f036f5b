"""An incident is played again from its bundle, whichever fault made it; one that goes otherwise is told from it, and what can't be played
says why. CORRAL_REPLAY_ALL=1 plays every fault of the simulator that leaves a bundle."""

import copy
import io
import json
import os
import subprocess
import sys

import pytest

import replaying
import test_black_box
from harness import BIN, POLLED, ROOT, Box, wait_until

CLOCKS = test_black_box.CLOCKS.replace("intensity = 100", 'intensity = 3\nbreaker_retry = "1h"')
USUAL = [
    ("runtime", "kill_at", {"phase": "decode", "after": 4, "signal": "SEGV"}),
    ("runtime", "device_hang", {"phase": "decode", "after": 4}),
    ("runtime", "freeze", {"phase": "prefill"}),
    ("tokenizer", "kill_at", {"phase": "decode"}),
    ("tokenizer", "freeze", {"phase": "encode"}),
    ("start", "start_no_device", {}),
    ("start", "kill_at", {"phase": "load", "after": 2, "signal": "ABRT"}),
]
MORE = [
    ("runtime", "kill_at", {"phase": "prefill", "signal": "ABRT"}), ("runtime", "kill_at", {"phase": "reset"}),
    ("runtime", "kill_at", {"phase": "encode", "signal": "KILL"}), ("runtime", "kill_at", {"phase": "decode", "after": 4, "exit": 3}),
    ("runtime", "device_hang", {"phase": "prefill"}), ("runtime", "hang", {"route": "/api/generate"}),
    ("runtime", "status_reply", {"route": "/api/reset", "status": 500}), ("runtime", "block_pool", {"ms": 5000}),
    ("tokenizer", "kill_at", {"phase": "encode"}), ("tokenizer", "hang", {"route": "/encode"}),
    ("start", "start_axcl_init", {}), ("start", "start_loader", {}), ("start", "start_set_device", {}),
    ("start", "start_handshake", {"ms": 100}), ("start", "start_layer_missing", {}), ("start", "start_post_missing", {}),
    ("start", "start_embed_missing", {}), ("start", "start_embed_size", {}), ("start", "start_post_config", {"kind": "syntax"}),
]
FAULTS = USUAL + (MORE if os.environ.get("CORRAL_REPLAY_ALL") else [])


def incident(folder, service, fault, arguments, profile=POLLED):
    """The bundle of that fault."""
    kind = "breaker" if service == "start" else None
    faults = {"faults": {fault: {"on": True, "args": arguments}}} if service == "start" else {}
    box = Box(folder, {"directives": True, "timing": {"tokens_per_second": 50, "prefill_ms_per_chunk": 100}, **faults}, model=CLOCKS,
              profile=profile)
    box.start(wait_ready=service != "start")
    try:
        if service != "start":
            assert box.say("[[n=8]] a turn before it")
            box.fault(service, fault, "once", **arguments)
            box.chat("[[n=30]] hello", {"num_predict": 400})
        return wait_until(lambda: next((one for one in replaying.crashes(box) if kind in (None, one["kind"])), None), 60, "its bundle")
    finally:
        box.__exit__()


@pytest.mark.parametrize("service,fault,arguments", FAULTS, ids=lambda part: part if isinstance(part, str) else "_".join(map(str, part.values())))
def test_an_incident_is_played_again(tmp_path, service, fault, arguments):
    bundle = incident(tmp_path / "first", service, fault, arguments)
    said = io.StringIO()
    assert replaying.replay(bundle, tmp_path / "again", said) == 0, said.getvalue()


@pytest.mark.parametrize("service,fault,arguments", [("start", "kill_at", {"phase": "load", "after": 2, "signal": "ABRT"}),
                                                     ("runtime", "device_hang", {"phase": "decode", "after": 4})],
                         ids=["failed_start", "hang"])
def test_an_incident_of_a_runtime_that_streams_is_played_again(tmp_path, service, fault, arguments):
    bundle = incident(tmp_path / "first", service, fault, arguments, "vllm-ascend")
    said = io.StringIO()
    assert replaying.replay(bundle, tmp_path / "again", said) == 0, said.getvalue()


def test_a_runtime_that_dies_until_the_breaker_opens_does_so_again(tmp_path):
    with Box(tmp_path / "first", {"directives": True}, model=CLOCKS) as box:
        killed = []

        def opened():
            if box.get("/readyz").status == 200 and box.pid_of("runtime") not in (None, *killed):
                killed.append(box.kill("runtime"))
            return next((one for one in replaying.crashes(box) if one["kind"] == "breaker"), None)

        bundle = wait_until(opened, what="the breaker opens")
    said = io.StringIO()
    assert replaying.replay(bundle, tmp_path / "again", said) == 0, said.getvalue()


def test_what_goes_otherwise_is_told_and_a_bundle_of_an_older_corral_is_read(tmp_path):
    bundle = incident(tmp_path / "first", *USUAL[0])
    assert {"settings", "wording"} <= bundle.keys() | bundle["trigger"].keys()

    old = copy.deepcopy(bundle)
    del old["settings"]
    for step in (old["trigger"], *old["history"]):
        for key in ("wording", "exit_status"):
            step.pop(key, None)
    (tmp_path / "old.json").write_text(json.dumps(old))
    played = subprocess.run([sys.executable, ROOT / "tools/replay", "--bin", BIN, tmp_path / "old.json"], capture_output=True, text=True,
                            timeout=180, check=False)
    assert played.returncode == 0 and "played: the same" in played.stdout, played

    other = copy.deepcopy(bundle)
    step = next(step for step in other["history"] if step.get("failure") == "crash")
    step["to"] = "broken"
    said = io.StringIO()
    assert replaying.replay(other, tmp_path / "other", said) == 1
    assert "it parts here" in said.getvalue() and "ready broken exited crash" in said.getvalue(), said.getvalue()


REQUEST = {"id": "a", "arrived": "2026-01-01T00:00:00.000Z", "outcome": "running", "messages": 1, "prompt_bytes": 100, "tokens": 3,
           "pieces": 3, "decode_ms": 50}
BUNDLE = {"schema": 1, "model": "m", "kind": "hang", "time": "2026-01-01T00:00:00.000Z", "services": [], "history": [],
          "requests": {"inside": [], "finished": []},
          "trigger": {"time": "2026-01-01T00:00:00.000Z", "service": "runtime", "state": "ready", "event": "kill", "sentence": "who knows",
                      "wording": "", "ids": [], "pid": 1}}


def asked(**changes):
    return {"requests": {"inside": [{**REQUEST, **changes}], "finished": []}}


@pytest.mark.parametrize("wrong,why", [
    ({"schema": 9}, "schema 9"), ({"settings": {"profile": "mine"}}, "profile 'mine'"), ({}, "'who knows'"),
    ({"kind": "intruder"}, "another program had the port"), ({"trigger": 7}, "so: /trigger"),
    ({"requests": {}}, "it lacks /requests/inside"),
    ({"settings": {"clocks_ms": {"call": -5}}}, "so: /settings/clocks_ms/call"), (asked(arrived="yesterday"), "/requests/inside/0/arrived"),
    (asked(prompt_bytes=10**15), "/requests/inside/0/prompt_bytes"), (asked(tokens=float("nan")), "/requests/inside/0/tokens"),
    ({"settings": {"clocks_ms": {"next_clock": 5000}}}, "takes its settings for a mistake"), ({"model": "\x1b[2J"}, "so: /model"),
    # Nothing that a bundle says becomes a line of the configuration, which starts programs.
    ({"settings": {"family": 'chatml"\n[models.services.runtime]\ncommand = ["reboot"]\n#'}}, "so: /settings/family"),
    ({"settings": {"clocks_ms": {'call = "1s"\n#': 5}}}, "so: the names in /settings/clocks_ms"),
    ({"trigger": {**BUNDLE["trigger"], "service": "folder"}}, "service 'folder'"),
])
def test_what_can_t_be_played_says_why(tmp_path, wrong, why):
    said = io.StringIO()
    assert replaying.replay({**BUNDLE, **wrong}, tmp_path / "box", said) == 2
    assert why in said.getvalue(), said.getvalue()


@pytest.mark.parametrize("text", ["", '{"schema": 1,', "[]", "7", "[" * 100_000, "\x00", '{"schema": Infinity}'])
def test_what_is_no_bundle_is_told_in_a_sentence(tmp_path, text):
    (tmp_path / "bundle.json").write_text(text)
    told = subprocess.run([sys.executable, ROOT / "tools/replay", "--bin", BIN, tmp_path / "bundle.json"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert told.returncode == 2 and len((told.stdout + told.stderr).splitlines()) == 1, told


@pytest.mark.parametrize("status,played", [(255, {"exit": 255}), (3, {"exit": 3}), (134, {"signal": 6})])
def test_a_program_that_ended_by_itself_is_not_killed(status, played):
    trigger = {**BUNDLE["trigger"], "event": "exited", "exit_status": status}
    _, name, how, _ = replaying.Incident({**BUNDLE, **asked(), "trigger": trigger}).fault()
    assert name == "kill_at" and played.items() <= how.items(), how

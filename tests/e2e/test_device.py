"""The accelerator as a supervised resource: lost cards, drivers that hang, memory that does not come back. What a person reads, that
it costs no starts, and that the model is served again by itself."""

import json
import os
import re
import signal
import threading
import time

import pytest

from catalogue import CLOCKS
from harness import BIN, Box, pause, processes, wait_until

MODEL_MB = 4779
QUICK_RESTART = '[models.restart]\nfirst_backoff = "20ms"\nmax_backoff = "100ms"\nintensity = 5\n'


class DeviceBox(Box):
    """A box with a simulated card and its status tool. `device`: its settings at the start; `look`: lines of [models.device]."""

    def __init__(self, folder, device=None, look="", restart=QUICK_RESTART, scenario=None, **more):
        folder.mkdir(parents=True, exist_ok=True)
        self.device_file = folder / "device.json"
        self.settings = {"model_mib": MODEL_MB}
        self.set_device(**(device or {}))
        sim = str(BIN / "corral-sim")
        environment = f'environment = {{ CORRAL_SIM_DEVICE = "{self.device_file}" }}\n'
        table = f'[models.device]\ncommand = ["{sim}", "axcl-smi"]\n{environment}{look}\n'
        runtime = ["/usr/bin/env", f"CORRAL_SIM_DEVICE={self.device_file}", sim, "runtime", *self.runtime_flags()]
        super().__init__(folder, {"directives": True, **(scenario or {})}, runtime=runtime, model=table + restart, **more)

    def set_device(self, **settings):
        """In one piece, as the programs read it at any time."""
        self.settings.update(settings)
        fresh = self.device_file.with_suffix(".new")
        fresh.write_text(json.dumps(self.settings))
        fresh.rename(self.device_file)

    def model(self):
        return self.get("/readyz").json["models"][0]

    def starts(self):
        """Processes of the runtime started so far."""
        return len(set(re.findall(r"runtime: starting \(process (\d+)\)", self.log())))

    def wait_learned(self):
        wait_until(lambda: f"takes {MODEL_MB} MB of device memory" in self.log(), 20, "it learned what a process takes")

    def wait_reason(self, pattern, state, timeout=30):
        def seen():
            model = self.model()
            return model["state"] == state and re.search(pattern, model["reason"])

        return wait_until(seen, timeout, f"{state}: {pattern}\n{self.model()}")

    def all_well(self, timeout=40):
        self.wait_ready(timeout)
        assert self.say("[[text=all well]] afterwards") == "all well"


def tools(box):
    return [pid for pid, (_, state, command) in processes().items()
            if "corral-sim axcl-smi" in command and state != "Z" and uses(pid, box)]


def uses(pid, box):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return str(box.device_file).encode() in file.read()
    except OSError:
        return False


def later(box, text):
    """The answer of a request that is sent now, once joined."""
    got = {}

    def ask():
        got["reply"] = box.chat(text)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, got


def test_memory_that_does_not_come_back_is_waited_for_and_the_request_with_it(tmp_path):
    with DeviceBox(tmp_path) as box:
        box.wait_learned()
        box.set_device(give_back_ms=-1)
        killed = box.kill("runtime")
        box.wait_reason(rf"waiting for device memory: 2243 of 7040 MB free, about {MODEL_MB} MB needed, the ended process {killed} "
                        rf"still holds {MODEL_MB} MB", "loading")
        thread, got = later(box, "[[text=worth the wait]] please")
        reason = box.model()["reason"]
        assert "SIGKILL" in reason, f"the cause of the end is in it too: {reason}"
        assert box.starts() == 1
        box.set_device(give_back_ms=0)
        thread.join(40)
        assert got["reply"].status == 200 and got["reply"].json["message"]["content"] == "worth the wait"
        assert box.starts() == 2, "nothing was started in vain"
        assert box.logged(r"runtime: starting \(process \d+\): loading again; the device: 37 C, 18 of 7040 MB in use")


def test_memory_that_never_comes_back_is_given_up_with_advice_and_looked_at_again(tmp_path):
    with DeviceBox(tmp_path, look='memory_wait = "1s"') as box:
        box.wait_learned()
        box.set_device(give_back_ms=-1)
        box.kill("runtime")
        box.wait_reason(r"device memory did not come back within 1 s: .* still holds .*axcl-smi reboot -d 0", "broken")
        refused = box.chat("hello")
        assert refused.status == 503 and "does not start" in refused.json["error"], refused.body
        assert box.logged(r'outcome=backend-broken why="device memory did not come back')
        assert box.starts() == 1
        box.set_device(give_back_ms=0)
        box.all_well()
        assert box.starts() == 2


def test_a_lost_card_costs_no_starts_and_is_served_again_when_it_is_back(tmp_path):
    with DeviceBox(tmp_path) as box:
        box.set_device(fault="no_card")
        box.kill("runtime")
        box.wait_reason(r"the device is lost: the driver shows no card.*SIGKILL.*axcl-smi reboot -d 0", "broken")
        assert box.logged(r"ERROR sim:latest/runtime: broken: the device is lost")
        refused = box.chat("hello")
        assert refused.status == 503 and "does not start" in refused.json["error"]
        assert box.logged(r'outcome=backend-broken why="the device is lost')
        # Two looks at least.
        calm_until = time.monotonic() + 12
        lines = len(re.findall(r"/runtime: .* event=service\.broken", box.log()))
        while time.monotonic() < calm_until:
            assert box.starts() == 1
            assert box.model()["state"] == "broken", "a look changes nothing that a person sees"
            pause.wait(0.1)
        assert len(re.findall(r"/runtime: .* event=service\.broken", box.log())) == lines == 1, "said once"
        box.set_device(fault="")
        box.all_well()
        assert box.starts() == 2


def test_without_a_card_at_first_the_model_comes_when_the_card_does(tmp_path):
    box = DeviceBox(tmp_path, device={"cards": 0}).start(wait_ready=False)
    try:
        box.wait_reason("the device is lost: the driver shows no card", "broken")
        assert box.pid_of("tokenizer"), "only what uses the device waits for it"
        assert box.starts() == 0
        box.set_device(cards=1)
        box.all_well()
    finally:
        box.__exit__()


def test_a_driver_that_hangs_is_told_apart_and_leaves_no_tools_behind(tmp_path):
    with DeviceBox(tmp_path, look='timeout = "1s"') as box:
        box.set_device(fault="hang")
        box.kill("runtime")
        box.wait_reason(r"the device's driver does not answer: .*gave no answer within 1 s", "broken")
        assert box.starts() == 1
        wait_until(lambda: not tools(box), 10, "the tool is killed")
        box.set_device(fault="")
        box.all_well()
        assert box.starts() == 2


def test_a_hang_while_serving_is_explained_by_what_the_device_says(tmp_path):
    with DeviceBox(tmp_path, restart=CLOCKS) as box:
        box.fault("runtime", "device_hang", phase="prefill")
        stream = box.stream_later("[[text=at last]] please")
        wait_until(lambda: box.runtime_state()["phase"] == "prefill", what="the device hangs")
        box.set_device(fault="no_card")
        box.wait_reason(r"the device is lost.*did not begin to answer in its time", "broken")
        stream.close()
        box.set_device(fault="")
        box.all_well()


def test_without_the_tool_all_goes_on_as_ever(tmp_path):
    with Box(tmp_path, {"directives": True}, model='[models.device]\ncommand = ["/nonexistent/axcl-smi"]') as box:
        for _ in range(2):
            box.kill("runtime")
            wait_until(lambda: box.get("/readyz").status != 200, what="its end is seen")
            box.wait_ready()
        assert box.say("[[text=all well]] afterwards") == "all well"
        assert len(box.logged_times("starts without a check of the device", 1)) == 1


@pytest.mark.parametrize("fault,word", [("garbage", "not in the format"), ("fail", "open device fail")])
def test_a_tool_that_never_worked_keeps_nothing_from_starting_unless_it_must(tmp_path, fault, word):
    with DeviceBox(tmp_path / "may", device={"fault": fault}) as box:
        box.all_well()
        assert box.logged(f"starts without a check of the device: .*{word}")
    strict = DeviceBox(tmp_path / "must", device={"fault": fault}, look="optional = false").start(wait_ready=False)
    try:
        strict.wait_reason(f"the device can't be queried: .*{word}", "broken")
        assert strict.starts() == 0
    finally:
        strict.__exit__()


def test_corral_stops_while_it_waits_for_the_device(tmp_path):
    with DeviceBox(tmp_path, look='timeout = "20s"') as box:
        box.set_device(fault="hang")
        box.kill("runtime")
        wait_until(lambda: tools(box), 20, "the device is looked at")
        assert box.stop(signal.SIGTERM, timeout=15) == 0
        wait_until(lambda: not tools(box), 5, "the tool ends with corral")


def test_an_unknown_format_is_an_error_with_a_hint(tmp_path):
    box = DeviceBox(tmp_path, look='format = "axcl-sim"')
    with pytest.raises(AssertionError, match="did you mean 'axcl-smi'"):
        box.start()
    assert box.logged(f"{os.path.basename(box.config_file)}:")

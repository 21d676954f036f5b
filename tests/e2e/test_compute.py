"""Where answers are computed: the counter of the NPU and the processors of the host are looked at while tokens come, and a runtime that
computes on the CPU without a word is told, with the numbers."""

import json
import re
import time

import pytest

from admin_cli import done, model_of, status
from harness import BIN, MODEL, Box, pause, strain, wait_until
from test_metrics import scrape

FALLBACK = re.compile(r"AICore 0 %, (\d+\.\d) CPU cores busy: this answer was computed on the CPU")
# Tokens come at the pace of the boards that the reports are from, so that an answer outlasts the looks at it.
SLOW = {"directives": True, "timing": {"tokens_per_second": 20, "prefill_ms_per_chunk": 10}}
LONG = "[[never_end]] a long story"


class ComputeBox(Box):
    """A box whose services share a simulated card with its status tool."""

    def __init__(self, folder, profile, tool, device=None, look="", **more):
        self.device_file = folder / "device.json"
        self.device_file.write_text(json.dumps(device or {"name": "310B4", "total_mib": 15610, "model_mib": 14700}))
        words = json.dumps([str(BIN / "corral-sim"), *tool[1:]])
        table = (f'[models.device]\nformat = "{tool[0]}"\ncommand = {words}\ntimeout = "2s"\n'
                 f'environment = {{ CORRAL_SIM_DEVICE = "{self.device_file}" }}\n{look}\n')
        super().__init__(folder, SLOW, model=table, profile=profile, **more)

    def config_text(self, *args):
        text = super().config_text(*args)
        return text.replace('"CORRAL_SIM_BIND" = ', "CORRAL_SIM_BIND = ").replace(
            'CORRAL_SIM_BIND = "127.0.0.1"', f'CORRAL_SIM_BIND = "127.0.0.1", CORRAL_SIM_DEVICE = "{self.device_file}"')

    def set_device(self, **settings):
        fresh = self.device_file.with_suffix(".new")
        fresh.write_text(json.dumps(settings))
        fresh.rename(self.device_file)

    def compute(self):
        return model_of(self).get("compute")

    def answer_until(self, condition, what, timeout=120):  # sixty looks, of a busy machine too
        """A long answer that is left once `condition` holds; how long its tokens came until then."""
        stream = self.stream_later(LONG)
        try:
            wait_until(lambda: self.runtime_state()["running"], 20, "the answer begins")
            began = time.monotonic()
            while not condition():
                assert time.monotonic() - began < timeout, f"{what}\n{self.compute()}\n{self.log()[-3000:]}"
                pause.wait(0.2)
            return time.monotonic() - began
        finally:
            stream.close()
            wait_until(lambda: self.get("/readyz").json["queue"]["running"] == 0, 30, "the answer ended")

    def warnings(self):
        return [line for line in self.log().splitlines() if "computed on the CPU" in line]


ORANGE_PI = ("npu-smi", "npu-smi", "info")


@pytest.fixture(scope="module")
def orange_pi(tmp_path_factory):
    """The report's box: fastllm on a 310B4."""
    with ComputeBox(tmp_path_factory.mktemp("orange"), "fastllm", ORANGE_PI, look='compute = { unit = "AICore" }') as running:
        yield running


def test_an_answer_of_the_cpu_is_told_with_its_numbers_and_cleared_by_a_healthy_one(orange_pi):
    box = orange_pi
    assert box.compute() == {"verdict": "unknown", "text": ""}
    box.fault("runtime", "cpu_fallback", threads=4)
    took = box.answer_until(lambda: box.warnings(), "the warning in the log")
    assert took < 20, "ten seconds, and as many for a box that is busy with other tests"
    found = FALLBACK.search(box.warnings()[0])
    assert found and "WARN" in box.warnings()[0].upper() and f"model {MODEL}: " in box.warnings()[0], box.warnings()[0]
    assert float(found[1]) >= 0.1, "less than it wanted, where others have the processors"
    # The memory is taken, which proves nothing.
    card = status(box)["devices"][0]["cards"][0]
    assert (card["name"], card["npu_percent"], card["health"]) == ("310B4", 0, "Alarm")
    assert card["system_memory_used_mb"] > 14700
    seen = box.compute()
    assert (seen["verdict"], seen["npu_mean_percent"], seen["npu_most_percent"]) == ("fallback", 0, 0)
    assert seen["cpu_cores"] > 0.1 and FALLBACK.search(seen["text"])
    page = done(box, "status")
    assert FALLBACK.search(page) and "card 0 310B4" in page and "health Alarm" in page
    assert any(FALLBACK.search(text) and text.startswith(f"model {MODEL}: ") for text in box.get("/readyz").json["warnings"])
    at = {"model": MODEL, "backend": MODEL}
    figures = scrape(box)
    assert figures.value("corral_compute_state", **at, state="fallback") == 1
    assert figures.value("corral_compute_state", **at, state="ok") == 0
    assert figures.value("corral_compute_utilisation_ratio", **at) == 0
    assert figures.value("corral_compute_cpu_cores", **at) > 0.1
    assert figures.value("corral_device_healthy", card="0") == 0

    # The same again is no news.
    lines = iter(box.stream("[[n=80]] once more"))
    assert json.dumps(list(lines)[-1]).count("stop") == 1
    assert len(box.warnings()) == 1

    for name in ("cpu_fallback", "npu_idle"):
        box.fault("runtime", name, on=False)
    box.answer_until(lambda: box.compute()["verdict"] == "ok", "the healthy answer clears it")
    assert box.logged("event=compute.recovered")
    assert box.compute()["npu_mean_percent"] >= 5
    assert "warnings" not in box.get("/readyz").json
    assert scrape(box).value("corral_compute_state", **at, state="fallback") == 0


def test_a_healthy_npu_is_ok_however_busy_its_host_is(tmp_path):
    with ComputeBox(tmp_path, "vllm-ascend", ORANGE_PI, device={"name": "910B3", "model_mib": 4000}) as box:
        box.answer_until(lambda: box.compute()["verdict"] == "ok", "a verdict")
        assert re.fullmatch(r"AICore \d+ % \(at most 78 %\), \d+\.\d CPU cores busy", box.compute()["text"])
        assert box.warnings() == []


def test_a_tool_that_can_not_be_asked_is_no_verdict_and_holds_nothing_up(tmp_path):
    with ComputeBox(tmp_path, "fastllm", ORANGE_PI, look='compute = { unit = "AICore" }') as box:
        box.set_device(name="310B4", total_mib=15610, fault="hang")
        box.fault("runtime", "cpu_fallback", threads=1)
        stream = box.stream(LONG)
        lines = iter(stream)
        for _ in range(60):
            next(lines)
        assert stream.times[-1] - stream.times[0] < 12 * strain(), "3 s of tokens"
        assert box.compute()["verdict"] == "unknown"
        stream.close()
        wait_until(lambda: not box.runtime_state()["running"], 30, "the answer ended")
        box.set_device(name="310B4", total_mib=15610, fault="garbage")
        box.answer_until(lambda: "can't be read" in box.compute()["text"], "it is said that nothing is known")
        assert box.compute()["verdict"] == "unknown" and box.warnings() == []


@pytest.mark.parametrize("profile,tool", [("rkllm-flask", ("board-files", "rknpu-load")), ("axera-poll", ("axcl-smi", "axcl-smi"))])
def test_other_devices_are_looked_at_in_their_own_way(tmp_path, profile, tool):
    quick = '[models.clocks]\nscrub = "1s"\n'  # one of them can't be stopped but by a restart
    with ComputeBox(tmp_path, profile, tool, device={"model_mib": 4000}, look=quick) as box:
        box.answer_until(lambda: box.compute()["verdict"] == "ok", "a verdict")
        assert box.compute()["npu_most_percent"] == 78
        box.kill("runtime")
        box.wait_ready(30)
        wait_until(lambda: box.say("[[text=served]] hello") == "served", 30, "served again")
        box.fault("runtime", "cpu_fallback", threads=4)
        box.answer_until(lambda: box.compute()["verdict"] == "fallback", "a new process is judged anew")
        assert box.logged(r"NPU 0 %, \d+\.\d CPU cores busy: this answer was computed on the CPU")


def test_without_a_device_nothing_is_watched_or_said(tmp_path):
    with Box(tmp_path, {"directives": True}, profile="llama-server") as box:
        box.say("[[n=5]] hello")
        assert "compute" not in model_of(box)
        assert "corral_compute" not in scrape(box).text


def test_it_can_be_switched_off(tmp_path):
    with ComputeBox(tmp_path, "fastllm", ORANGE_PI, look="compute = { watch = false }") as box:
        assert "compute" not in model_of(box)

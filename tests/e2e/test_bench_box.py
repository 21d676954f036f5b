"""`corral bench` on a box with a simulated card: what it sees of the card, the services and the stages of a request, and how runs are
kept."""

import json
import os
import re
import subprocess

import pytest

from admin_cli import status
from harness import BIN, MODEL, wait_until
from test_bench import at_home
from test_compute import ORANGE_PI, ComputeBox

# At 20 tokens a second, so that each is looked at more than once.
SET = """
name = "looked-at"
[[tests]]
id = "short"
title = "A short one"
prompt = "[[n=60]] say it"
[[tests]]
id = "long"
title = "A longer prompt"
prompt = "[[n=60]] say it"
filler = "One more sentence of a text that has many of them. "
filler_times = 30
"""


def bench(box, out, *more):
    prompts = box.folder / "set.toml"
    prompts.write_text(SET)
    words = [str(BIN / "corral"), "bench", "--config", str(box.config_file), "--model", MODEL, "--set", str(prompts), "--warm-up", "0",
             "--out", str(out), *more]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, env=at_home(box))
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout, json.loads((out / "results.json").read_text())


def history(box, *more):
    words = [str(BIN / "corral"), "bench", "--history", *more]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=at_home(box))
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(of):
    return {(one["of"], one["figure"]): one for one in of["box"]["figures"]}


BOARDS = {
    "AX650": ("axera-poll", ("axcl-smi", "axcl-smi"), {"model_mib": 4000, "temperature": 47}, ""),
    "RK3588": ("rkllm-flask", ("board-files", "rknpu-load"), {"model_mib": 4000}, ""),
    "310B": ("fastllm", ORANGE_PI, {"name": "310B4", "total_mib": 15610, "model_mib": 14400, "temperature": 52, "health": "Alarm"},
             'compute = { unit = "AICore" }'),
}


@pytest.mark.parametrize("board", BOARDS)
def test_the_card_and_the_services_are_looked_at_during_each_test(tmp_path, board):
    profile, tool, device, look = BOARDS[board]
    with ComputeBox(tmp_path, profile, tool, device=device, look=look) as box:
        shown, results = bench(box, tmp_path / "out")
        mask = sum(1 << one for one in os.sched_getaffinity(box.pid_of("runtime")))
    assert results["unwatched"] == "" and len(results["results"]) == 2
    seen = figures(results)
    cards = {name: one for name, one in seen.items() if name[0].startswith("card 0")}
    if board != "RK3588":  # the simulated load file says no more
        heat = next(one for (_, figure), one in cards.items() if figure == "temperature_c")
        assert heat["mean"] == heat["most"] == device["temperature"] and heat["looks"] >= 2
        assert any(figure == "memory_mb" for _, figure in cards)
    load = next(one for (_, figure), one in cards.items() if figure == "load_percent")
    assert (load["most"] > 0) == (board != "310B"), "fastllm computes on the host's processors"
    assert load["least"] <= load["mean"] <= load["most"]
    for test in results["results"]:
        own = figures(test)
        services = {of for of, figure in own if figure == "cpu_cores"}
        assert services and {of for of, figure in own if figure == "resident_mb"} == services, own
        assert all(one["curve"] and one["looks"] >= 1 for one in own.values())
        assert test["stages"]["decode_ms"] > 1000, test["stages"]
    assert results["facts"]["enabled_cpus_mask"] == mask and results["facts"]["kernel"] == os.uname().release
    report, page = (tmp_path / "out/report.md").read_text(), (tmp_path / "out/report.html").read_text()
    assert f'"enabled_cpus_mask": {mask}' in report and report.count('"concurrency"') == 1
    assert "## 🔌 Resource Utilization" in report and "## ⏱️ Stages by Prompt Length" in report
    assert re.search(r"\| card 0[^|]*: Load \| \d+ % \(\d+ to \d+\) \|", report)
    assert "Load during the run" in page and "<h2>Stages by prompt length</h2>" in page
    assert " % busy (" in shown and re.search(r"^time: .*decode \d+\.\d %", shown, re.M), shown
    if board == "AX650":
        stages = [one["stages"] for one in results["results"]]
        assert all(one["tokenise_ms"] is not None and one["detokenise_ms"] > 0 for one in stages), "the tap is between"
        assert results["facts"]["driver"]
    if board == "RK3588":
        assert results["facts"]["num_npu_cores"] == 3, "the library prints it as it loads the model"
        assert re.fullmatch(r"rknpu 0\.9\.8, rkllm-runtime [0-9]\S+", results["facts"]["driver"]), results["facts"]
        assert results["sampling"] == {}, "compiled into its script"
    else:
        assert results["sampling"]["temperature"] == 0.8 and '"temperature": 0.8' in report, "sent with each request"
    if board == "310B":
        assert "- **Memory Usage:** ~14418 MB on card 0 310B4, services " in report
        assert not any(figure == "power_w" for _, figure in cards), "a broken sensor: 0.0 W"
        assert "**Noticed:** The status tool says of card 0 310B4: Alarm." in report[report.index("Conclusion"):]
        assert "The status tool says of card 0 310B4: Alarm" in shown and results["box"]["health"]


def test_a_device_that_waits_for_the_host_is_explained(tmp_path):
    with ComputeBox(tmp_path, "fastllm", ORANGE_PI, look='compute = { unit = "AICore" }') as box:
        box.fault("runtime", "cpu_fallback", threads=2)
        shown, results = bench(box, tmp_path / "out")
    found = re.search(r"card 0 310B4 was busy for 0 % of the time \(0 to 0 %\)\. To blame: (\w+), which takes (\d+) % of a request; "
                      r"(\w+) (keeps|uses) (\d\.\d) CPU cores", " ".join(results["diagnoses"]))
    assert found and found[1] == "decode" and int(found[2]) > 50 and float(found[5]) > 0.1, results["diagnoses"]
    assert "was busy for 0 % of the time" in shown


# Each answer has several looks of the tool, a second apart.
LONG_ENOUGH = """
name = "warm"
[[tests]]
id = "cool"
title = "While it is cool"
prompt = "[[n=240]] say it"
[[tests]]
id = "warm"
title = "While it is warm"
prompt = "[[n=160]] say it"
"""


@pytest.mark.parametrize("hottest", [85, 60])
def test_heat_is_blamed_only_where_the_card_is_hot_as_the_speed_falls(tmp_path, hottest):
    device = {"model_mib": 4000, "temperature": 55}
    prompts, out = tmp_path / "set.toml", tmp_path / "out"
    prompts.write_text(LONG_ENOUGH)
    with ComputeBox(tmp_path, "axera-poll", ("axcl-smi", "axcl-smi"), device=device) as box:
        words = [str(BIN / "corral"), "bench", "--config", str(box.config_file), "--model", MODEL, "--set", str(prompts), "--warm-up", "0",
                 "--out", str(out)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=at_home(box)) as run:
            try:
                wait_until(lambda: (out / "results.json").exists() or run.poll() is not None, 90, "the first test is over")
                box.set_device(**{**device, "temperature": hottest})
                box.control("runtime", cmd="set", timing={"tokens_per_second": 10})
                shown, _ = run.communicate(timeout=120)
            finally:
                run.kill()
        assert run.returncode == 0, shown
    results, report = json.loads((out / "results.json").read_text()), (out / "report.md").read_text()
    slow, fast = (next(one for one in results["results"] if one["id"] == name)["decode_tokens_per_second"] for name in ("warm", "cool"))
    assert slow < 0.7 * fast, "it did slow down"
    said = [text for text in results["diagnoses"] if "Throttled by heat" in text]
    if hottest == 85:
        found = re.search(r"while card 0 AX650N stood at 85 °C, answers came at (\d+\.\d+) tok/s, against (\d+\.\d+) below 80 °C", said[0])
        assert found and float(found[1]) < 0.7 * float(found[2]), said
        assert said[0] in report and said[0] in " ".join(shown.split())
    else:
        assert said == [] and "Throttled" not in report + shown


def test_runs_are_kept_and_what_changed_between_them_is_told(tmp_path):
    device = {"name": "310B4", "total_mib": 15610, "model_mib": 14700, "version": "99.0"}
    with ComputeBox(tmp_path, "fastllm", ORANGE_PI, device=device, look='compute = { unit = "AICore" }') as box:
        assert history(box) == "no run is kept yet\n"
        _, first = bench(box, tmp_path / "first", "--max-tokens", "10")
        assert first["history"] == []
        box.set_device(**{**device, "version": "99.1"})
        box.answer_until(lambda: "99.1" in status(box)["devices"][0]["driver"], "the tool of the new version was asked")
        _, second = bench(box, tmp_path / "second", "--max-tokens", "10")
        assert [one["generated"] for one in second["history"]] == [first["generated"]]
        shown = history(box, MODEL)
        kept = json.loads(history(box, "--json"))["runs"]
        assert history(box, "nothing") == "no run of 'nothing' is kept yet\n"
    assert [one["tokens_per_second"] for one in kept] == [run["totals"]["decode_tokens_per_second"]["p50"] for run in (first, second)]
    assert [one["driver"] for one in kept] == [first["facts"]["driver"], second["facts"]["driver"]] and "99.1" in kept[1]["driver"]
    assert shown.startswith(f"{MODEL} at http://127.0.0.1:") and re.search(r"^    changed: driver corral-sim 99\.0 → corral-sim 99\.1", shown, re.M), shown
    assert "Earlier runs" in (tmp_path / "second/report.html").read_text() and "## 📈 Earlier Runs" in (tmp_path / "second/report.md").read_text()

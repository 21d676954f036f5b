"""Many models on few cards: the right one answers every time, swaps are few and starve nobody, what has room stays, and memory that was
given up comes back in the card's own figures, or Corral says that it did not."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from admin_cli import corral, done, status
from farm import Farm
from harness import processes, strain, wait_until
from upgrade_box import UpgradeBox

ROOM_FOR_ONE = {"mib": 5000}
ROOM_FOR_TWO = {"mib": 3000}
CARD_MB = 7040
IDLE_MB = 18


def alternate(farm, models, requests, clients):
    """So many requests, the models in turn; each must be answered by its own. What each waited."""
    lock = threading.Lock()
    turns = iter(range(requests))
    waits, problems = [], []

    def work():
        connection = farm.connect(180)
        while True:
            with lock:
                turn = next(turns, None)
            if turn is None:
                connection.close()
                return
            model = models[turn % len(models)]
            body = {"model": model, "stream": False, "messages": [{"role": "user", "content": f"[[model=turn {turn}]]"}]}
            begun = time.monotonic()
            connection.request("POST", "/api/chat", json.dumps(body))
            reply = connection.getresponse()
            text = reply.read()
            waits.append(time.monotonic() - begun)
            if reply.status != 200 or json.loads(text)["message"]["content"] != f"{model} turn {turn}":
                problems.append((turn, model, reply.status, text[:300]))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not any(thread.is_alive() for thread in threads), "somebody starves"
    assert problems == []
    assert len(waits) == requests
    return waits


def test_two_models_on_one_card_take_turns_over_500_requests(tmp_path):
    with Farm(tmp_path, {"alpha": ROOM_FOR_ONE, "beta": ROOM_FOR_ONE}, head="[swap]\novertakes = 24\n") as farm:
        farm.wait_set("alpha:latest")
        assert farm.who("beta") == "beta" and list(farm.loaded()) == ["beta:latest"]
        assert farm.who("alpha") == "alpha" and list(farm.loaded()) == ["alpha:latest"]
        before = farm.swaps()
        assert before >= 2, "each of them went for the other"
        begun = time.monotonic()
        waits = alternate(farm, ["alpha", "beta"], requests=500, clients=24)
        took = time.monotonic() - begun
        swaps = farm.swaps() - before
        print(f"500 requests in {took:.1f} s, {swaps} swaps, longest wait {max(waits):.2f} s")
        # First come, first served would swap for nearly every one of them.
        assert 4 <= swaps <= 100, swaps
        # Nobody waits for more than the turn of the other model and a swap each way.
        assert max(waits) < max(10.0, 6 * took / swaps), (max(waits), took, swaps)
        cards = status(farm)["devices"][0]["cards"]
        assert all(card["memory_used_mb"] <= IDLE_MB + 5000 for card in cards), cards
        assert len(farm.loaded()) == 1


def test_two_cards_and_no_swaps(tmp_path):
    models = {"alpha": {**ROOM_FOR_ONE, "lines": "cards = [0, 1]"}, "beta": {**ROOM_FOR_ONE, "lines": "cards = [0, 1]"}}
    with Farm(tmp_path, models, device={"cards": 2}) as farm:
        wait_until(lambda: len(farm.runtime_pids()) == 2, 40, "both are loaded\n" + farm.log()[-3000:])
        before = farm.runtime_pids()
        assert {label.partition("@")[0] for label in before} == {"alpha:latest", "beta:latest"}
        assert {label.partition("@")[2] for label in before} == {"0", "1"}, "each has a card of its own"
        assert farm.who("alpha") == "alpha" and farm.who("beta") == "beta"
        alternate(farm, ["alpha", "beta"], requests=100, clients=6)
        assert farm.runtime_pids() == before and farm.swaps() == 0
        ready = {model["name"]: model for model in farm.get("/readyz").json["models"]}
        places = {place["cards"]: place["state"] for place in ready["alpha:latest"]["instances"]}
        assert sorted(places) == ["0", "1"] and sorted(places.values()) == ["ready", "unloaded"]


def test_instances_answer_side_by_side_and_are_addressed_one_by_one(tmp_path):
    lines = "cards = [0, 1]\ninstances = 2"
    with Farm(tmp_path, {"alpha": {**ROOM_FOR_ONE, "lines": lines}}, device={"cards": 2}, timing={"tokens_per_second": 50}) as farm:
        farm.wait_set("alpha:latest@0"), farm.wait_set("alpha:latest@1")
        streams = [farm.stream_of("alpha", "[[n=60]] side by side") for _ in range(2)]
        lines = [iter(stream) for stream in streams]
        for each in lines:
            next(each)
        running = farm.get("/readyz").json["models"][0]["instances"]
        assert [place["running"] for place in running] == [1, 1], "both answer at the same time"
        assert all(list(each)[-1]["done"] for each in lines)
        assert "@" not in "".join(farm.loaded()), "clients know one model"
        before = farm.runtime_pids()
        done(farm, "restart", "alpha@1/runtime")
        wait_until(lambda: set(farm.runtime_pids()) == set(before) and farm.runtime_pids() != before, 30, "a new runtime")
        after = farm.runtime_pids()
        assert after["alpha:latest@0"] == before["alpha:latest@0"] and after["alpha:latest@1"] != before["alpha:latest@1"]
        # One place less: the other goes on.
        farm.write({"alpha": {**ROOM_FOR_ONE, "lines": "cards = [0]"}})
        done(farm, "reload")
        wait_until(lambda: after["alpha:latest@1"] not in processes(), 30, "the second is gone")
        assert farm.runtime_pids() == {"alpha:latest": after["alpha:latest@0"]}
        assert farm.who("alpha") == "alpha"


def test_an_answer_outlives_two_reloads_of_which_the_second_takes_a_place_away(tmp_path):
    lines = "cards = [0, 1]\ninstances = 2"
    with Farm(tmp_path, {"alpha": {**ROOM_FOR_ONE, "lines": lines}}, device={"cards": 2}, timing={"tokens_per_second": 50}) as farm:
        farm.wait_set("alpha:latest@0"), farm.wait_set("alpha:latest@1")
        stream = iter(farm.stream_of("alpha", "[[n=300]] long"))
        next(stream)
        places = farm.get("/readyz").json["models"][0]["instances"]
        busy, idle = (next(place["cards"] for place in places if place["running"] == many) for many in (1, 0))
        leaves = farm.runtime_pids()[f"alpha:latest@{idle}"]
        done(farm, "reload")
        farm.write({"alpha": {**ROOM_FOR_ONE, "lines": f"cards = [{busy}]"}})
        done(farm, "reload")
        wait_until(lambda: leaves not in processes(), 30, "the idle place is gone")
        assert list(stream)[-1]["done"], "what began before both is answered whole"
        assert farm.process.poll() is None and farm.who("alpha") == "alpha"


def test_a_reload_of_two_models_on_two_cards_lets_neither_wait_for_the_other(tmp_path):
    def models(more):
        return {"alpha": {**ROOM_FOR_ONE, "lines": "cards = [0]\n" + more}, "beta": {**ROOM_FOR_ONE, "lines": "cards = [1]\n" + more}}

    with Farm(tmp_path, models(""), device={"cards": 2}, timing={"tokens_per_second": 20}) as farm:
        farm.wait_set("alpha:latest"), farm.wait_set("beta:latest")
        before = farm.runtime_pids()
        stream = iter(farm.stream_of("alpha", "[[n=400]] long"))
        next(stream)
        farm.write(models('clocks = { call = "7s" }\n'))
        done(farm, "reload")
        assert farm.who("beta") == "beta"
        assert before["beta:latest"] not in processes() and before["alpha:latest"] in processes(), "alpha answers still"
        assert farm.runtime_pids().keys() == {"beta:latest"}, "what comes for alpha waits for its card"
        assert list(stream)[-1]["done"] and farm.who("alpha") == "alpha"


def test_a_model_on_two_cards_is_one_and_each_card_is_told_of_once(tmp_path):
    lines = "cards = [0, 1]\ninstances = 2"
    with Farm(tmp_path, {"alpha": {**ROOM_FOR_ONE, "lines": lines}}, device={"cards": 2}) as farm:
        farm.wait_set("alpha:latest@0"), farm.wait_set("alpha:latest@1")
        listed = json.loads(done(farm, "list", "--json"))["models"]
        assert [(one["name"], one["state"], one["note"]) for one in listed] == [("alpha:latest", "ready", "")]
        assert [one["name"] for one in listed[0]["instances"]] == ["alpha:latest@0", "alpha:latest@1"]
        assert re.search(r"^alpha:latest +ready @0 @1 ", done(farm, "list"), re.M)
        loaded = json.loads(done(farm, "ps", "--json"))["models"]
        assert len(loaded) == 1 and loaded[0]["package"] and loaded[0]["size_bytes"] > 0
        assert re.search(r"^    state +ready$", done(farm, "show", "alpha"), re.M)
        told = status(farm)
        assert [model["name"] for model in told["models"]] == ["alpha:latest"]
        assert [[card["card"] for card in device["cards"]] for device in told["devices"]] == [[0, 1]], "one tool, asked once"
        assert done(farm, "status").count("device: card") == 2
        assert not [one for one in json.loads(corral(farm, "doctor", "--json").stdout) if one["id"] == "model.broken"]
        for verb in ("stop", "start"):
            refused = corral(farm, verb, "alpha@1")
            assert refused.returncode == 1 and f"'corral {verb} alpha:latest' {verb}s all of them" in refused.stderr, refused
        assert done(farm, "logs", "alpha@1") and "alpha:latest@0" not in done(farm, "logs", "alpha@1")
        assert corral(farm, "logs", "alpha@7").stderr.count("alpha:latest/runtime") == 1
        assert done(farm, "restart", "alpha@1") == "alpha:latest@1: restarting\n"


def test_a_broken_instance_is_started_beside_one_that_serves(tmp_path):
    lines = 'cards = [0, 1]\ninstances = 2\nrestart = { breaker_retry = "10m" }'
    with Farm(tmp_path, {"alpha": {**ROOM_FOR_ONE, "lines": lines}}, device={"cards": 2}) as farm:
        farm.wait_set("alpha:latest@0"), farm.wait_set("alpha:latest@1")
        package = tmp_path / "package-alpha"
        package.rename(tmp_path / "away")
        done(farm, "restart", "alpha@1")
        farm.wait_set("alpha:latest@1", "broken")
        (tmp_path / "away").rename(package)
        done(farm, "restart", "alpha@1")
        assert farm.sets()["alpha:latest@1"]["state"] in ("loading", "ready"), "at once, before anybody sees the folder"
        farm.wait_set("alpha:latest@1")
        assert farm.sets()["alpha:latest@0"]["services"][1]["starts"] == 1, "the other went on"


def asked_in_turn(farm):
    """Each is answered, though the other is loaded."""
    for name in ("alpha", "beta", "alpha"):
        wait_until(lambda: farm.ask(name, "hello").status == 200, 60, f"{name} answers\n" + farm.log()[-5000:])


def test_both_models_of_a_card_that_was_lost_are_served_when_it_is_back(tmp_path):
    with Farm(tmp_path, {"alpha": ROOM_FOR_ONE, "beta": ROOM_FOR_ONE}) as farm:
        asked_in_turn(farm)
        farm.set_device(fault="no_card")
        os.kill(farm.runtime_pids()["alpha:latest"], signal.SIGKILL)
        farm.wait_set("alpha:latest", "broken")
        assert farm.ask("beta", "hello").status == 503
        farm.set_device(fault="")
        asked_in_turn(farm)


def test_both_models_of_a_card_that_comes_late_are_served(tmp_path):
    farm = Farm(tmp_path, {"alpha": ROOM_FOR_ONE, "beta": ROOM_FOR_ONE}, device={"cards": 0})
    farm.start(wait_ready=False)
    try:
        for name in ("alpha", "beta"):
            wait_until(lambda: farm.ask(name, "hello").status == 503, 30, f"{name} is refused")
            farm.wait_set(f"{name}:latest", "broken")
        farm.set_device(cards=1)
        asked_in_turn(farm)
    finally:
        farm.stop()


def test_who_asks_for_both_before_the_card_has_told_its_room_gets_both(tmp_path):
    """A restart under load. The tool takes 0.6 s, and a load longer."""
    farm = Farm(tmp_path, {"alpha": ROOM_FOR_ONE, "beta": ROOM_FOR_ONE}, device={"delay_ms": 600}, timing={"load_ms": 1000})
    farm.start(wait_ready=False)
    try:
        alternate(farm, ["alpha", "beta"], requests=4, clients=4)
        assert not re.search("(WARN|ERROR) .*memory", farm.log()), "none was started beside the other"
    finally:
        farm.stop()


@pytest.mark.parametrize("by", ["reload", "upgrade"])
def test_of_two_that_come_to_a_card_of_unknown_room_one_is_loaded(tmp_path, by):
    farm = Farm(tmp_path, {}, device={"delay_ms": 600}, timing={"load_ms": 1000})
    farm.start(wait_ready=False)
    try:
        farm.write({"alpha": ROOM_FOR_ONE, "beta": ROOM_FOR_ONE})
        done(farm, by)
        assert farm.logged("does not fit beside what is loaded", 30)
        wait_until(lambda: "ready" in {one["state"] for one in farm.sets().values()}, 30, "the other is loaded")
        assert not re.search("(WARN|ERROR) .*memory", farm.log())
    finally:
        farm.stop()


def waits_briefly(farm):
    """For memory that does not come back."""
    farm.config_file.write_text(farm.config_file.read_text().replace("[models.device]\n", '[models.device]\nmemory_wait = "1s"\n'))
    return farm


def test_a_pinned_model_has_its_room_though_others_came_first_when_the_card_was_back(tmp_path):
    models = {"beta": {"mib": 3500}, "gamma": {"mib": 3500}, "alpha": {"mib": 3000, "lines": "pinned = true"}}
    farm = waits_briefly(Farm(tmp_path, models, device={"cards": 0}))
    farm.start(wait_ready=False)
    try:
        for name in models:
            farm.wait_set(f"{name}:latest", "broken")
        (tmp_path / "package-alpha").rename(tmp_path / "away")
        farm.set_device(cards=1)
        others = lambda: {farm.sets()[f"{name}:latest"]["state"] for name in ("beta", "gamma")}
        wait_until(lambda: "ready" in (now := others()) and now <= {"ready", "unloaded"}, 60, "the others came first")
        (tmp_path / "away").rename(tmp_path / "package-alpha")
        farm.wait_set("alpha:latest")
        before = farm.runtime_pids()["alpha:latest"]
        for name in ("beta", "gamma", "alpha"):
            assert farm.who(name) == name
        assert farm.runtime_pids()["alpha:latest"] == before
    finally:
        farm.stop()


def test_a_model_whose_memory_another_program_has_is_broken_and_comes_back_by_itself(tmp_path):
    with waits_briefly(Farm(tmp_path, {"alpha": ROOM_FOR_ONE})) as farm, subprocess.Popen(["sleep", "600"]) as other:
        try:
            wait_until(lambda: farm.sets()["alpha:latest"]["memory"]["measured"], 20, "it was measured")
            start = (Path("/proc") / str(other.pid) / "stat").read_text().rpartition(")")[2].split()[19]
            os.kill(farm.runtime_pids()["alpha:latest"], signal.SIGKILL)
            held = [{"card": 0, "pid": other.pid, "start": start, "name": "other", "kib": 4000 * 1024}]
            Path(f"{farm.device_file}.held").write_text(json.dumps(held))
            farm.wait_set("alpha:latest", "broken")
            assert "(other) holds 4000 MB" in farm.sets()["alpha:latest"]["reason"]
            assert farm.ask("alpha", "hello").status == 503
            assert farm.get("/readyz").status == 503
        finally:
            other.kill()
        farm.wait_set("alpha:latest")


def test_a_device_that_no_model_has_any_more_is_forgotten(tmp_path):
    with Farm(tmp_path, {"alpha": ROOM_FOR_ONE}) as farm:
        farm.wait_set("alpha:latest")
        assert len(status(farm)["devices"]) == 1
        asked_otherwise = farm.config_file.read_text().replace("environment = { CORRAL_SIM_DEVICE", 'environment = { OTHER = "1", CORRAL_SIM_DEVICE')
        farm.config_file.write_text(asked_otherwise)
        done(farm, "reload")
        farm.wait_set("alpha:latest")
        wait_until(lambda: len(status(farm)["devices"]) == 1, 30, "the former way of asking is forgotten")


def test_a_pinned_model_is_never_unloaded_for_another(tmp_path):
    models = {"alpha": {**ROOM_FOR_ONE, "lines": 'pinned = true\nkeep_alive = "1s"'}, "beta": ROOM_FOR_ONE}
    with Farm(tmp_path, models) as farm:
        farm.wait_set("alpha:latest")
        pids = farm.runtime_pids()
        refused = farm.post("/api/generate", {"model": "alpha", "keep_alive": 0})
        assert refused.status == 403 and "pinned" in refused.json["error"]
        assert farm.loaded()["alpha:latest"]["expires_at"] > "2200"
        no_room = farm.ask("beta", "hello")
        assert no_room.status == 503 and "alpha" in no_room.json["error"], no_room.body
        assert farm.who("alpha") == "alpha"
        assert farm.runtime_pids() == pids and list(farm.loaded()) == ["alpha:latest"]


def test_models_that_are_started_alike_share_one_runtime(tmp_path):
    kind = 'default_system = "Be kind."'
    models = {"alpha": {**ROOM_FOR_ONE, "lines": 'default_system = "Be brief."'}, "kind": {"package": "alpha", **ROOM_FOR_ONE, "lines": kind},
              "beta": ROOM_FOR_ONE}
    with Farm(tmp_path, models) as farm:
        farm.wait_set("alpha:latest")
        before = farm.runtime_pids()
        for turn in range(3):
            assert "Be brief." in farm.ask("alpha", f"[[echo]] {turn}").json["message"]["content"]
            assert "Be kind." in farm.ask("kind", f"[[echo]] {turn}").json["message"]["content"]
        assert farm.runtime_pids() == before, "only resets"
        assert farm.swaps() == 0
        assert set(farm.loaded()) == {"alpha:latest", "kind:latest"}
        assert farm.sets()["alpha:latest"]["also"] == ["kind:latest"]
        assert farm.who("beta") == "beta"
        after = farm.runtime_pids()
        assert set(after) == {"beta:latest"} and after["beta:latest"] not in before.values(), "another package: another process"
        assert farm.who("kind") == "alpha", "the package that answers"


def test_an_unload_gives_the_memory_back_in_the_cards_own_figures_or_says_that_it_did_not(tmp_path):
    models = {"alpha": {**ROOM_FOR_TWO, "lines": 'keep_alive = "1s"'}, "beta": ROOM_FOR_TWO}
    with Farm(tmp_path, models, device={"give_back_ms": 300}) as farm:
        farm.wait_set("alpha:latest"), farm.wait_set("beta:latest")
        wait_until(lambda: all(one["memory"]["measured"] for one in farm.sets().values()), 20, "both were measured")
        assert farm.who("alpha") == "alpha" and farm.who("beta") == "beta"
        assert all(model["size"] == model["size_vram"] == 3000 * 1024 * 1024 for model in farm.loaded().values())
        gave = f"gave back 3000 MB (card 0: {IDLE_MB + 3000} of {CARD_MB} MB in use)"
        wait_until(lambda: f"model alpha:latest: {gave}" in farm.log(), 30, "what it gave back\n" + farm.log()[-3000:])
        # On a busy machine it was unloaded before the question too.
        wait_until(lambda: list(farm.loaded()) == ["beta:latest"], 30, "alpha is unloaded")
        assert farm.sets()["alpha:latest"]["memory"]["after_unload"] == gave
        assert gave in done(farm, "status")
        assert farm.swaps() == 0, "its time was over, nobody took its place"


def test_memory_that_is_kept_after_an_unload_is_told(tmp_path):
    device = {"give_back_ms": -1}
    farm = Farm(tmp_path, {"alpha": ROOM_FOR_ONE}, device=device)
    farm.config_file.write_text(farm.config_file.read_text().replace("[models.device]\n", '[models.device]\nmemory_wait = "1s"\n'))
    with farm:
        farm.wait_set("alpha:latest")
        wait_until(lambda: farm.sets()["alpha:latest"]["memory"]["measured"], 20, "it was measured")
        # Its end is one that unloads nothing: the ladder comes to its last step.
        pid = farm.runtime_pids()["alpha:latest"]
        os.kill(pid, signal.SIGSTOP)
        assert farm.post("/api/generate", {"model": "alpha", "keep_alive": 0}).status == 200
        wait_until(lambda: re.search(r"5000 MB have not come back \d+ s after the unload \(card 0: 5018 of 7040 MB in use\); "
                                     rf"held by the ended process {pid}; the next start waits for it", farm.log()), 60,
                   "it is said\n" + farm.log()[-3000:])
        assert farm.loaded() == {}
        assert "have not come back" in farm.sets()["alpha:latest"]["memory"]["after_unload"]
        farm.set_device(give_back_ms=0)
        assert farm.who("alpha") == "alpha"


def test_one_that_can_never_fit_is_refused_with_the_figures(tmp_path):
    with Farm(tmp_path, {"alpha": ROOM_FOR_TWO, "huge": {"mib": 3000, "said": 9000}}) as farm:
        farm.wait_set("alpha:latest")
        refused = farm.ask("huge", "hello")
        assert refused.status == 503 and "9000" in refused.json["error"] and "7022" in refused.json["error"], refused.body
        assert farm.who("alpha") == "alpha"


class UpgradeFarm(UpgradeBox, Farm):
    """A farm whose program can be put in another's place."""


def test_behind_an_upgrade_another_model_takes_the_card_at_once(tmp_path):
    with UpgradeFarm(tmp_path, {"alpha": ROOM_FOR_ONE, "beta": ROOM_FOR_ONE}) as farm:
        assert farm.who("beta") == "beta"
        farm.upgrade()
        begun = time.monotonic()
        assert farm.who("alpha") == "alpha"
        assert time.monotonic() - begun < min(15 * strain(), 28), "of the half minute that a start waits for memory of a card"


def test_an_upgrade_takes_both_along_and_a_reload_adds_one(tmp_path):
    models = {"alpha": {**ROOM_FOR_TWO, "lines": "cards = [0, 1]\ninstances = 2"}, "beta": ROOM_FOR_TWO}
    with UpgradeFarm(tmp_path, models, device={"cards": 2}) as farm:
        for label in ("alpha:latest@0", "alpha:latest@1", "beta:latest"):
            farm.wait_set(label)
        before = farm.runtime_pids()
        assert len(before) == 3
        farm.upgrade()
        assert farm.logged("kept=2/2")
        assert farm.runtime_pids() == before
        assert farm.who("alpha") == "alpha" and farm.who("beta") == "beta"
        farm.write({**models, "gamma": {"mib": 1000, "lines": "cards = [1]"}})
        assert "added: gamma:latest" in done(farm, "reload")
        farm.wait_set("gamma:latest")
        after = farm.runtime_pids()
        assert {label: after[label] for label in before} == before
        assert farm.who("gamma") == "gamma"


def test_a_model_with_an_unknown_place_is_a_mistake(tmp_path):
    farm = Farm(tmp_path, {"alpha": {"lines": 'cards = [0, "1,x"]\ninstances = 3'}})
    run = corral(farm, "check", farm.config_file, socket=False)
    assert run.returncode == 2
    assert "'1,x' is not a card set" in run.stderr and "'instances' is 3" in run.stderr


@pytest.mark.parametrize("value,complaint", [("0", None), ("many", "OLLAMA_MAX_LOADED_MODELS")])
def test_ollamas_variable_for_loaded_models(tmp_path, value, complaint):
    farm = Farm(tmp_path, {"alpha": ROOM_FOR_ONE}).start(environment={"OLLAMA_MAX_LOADED_MODELS": value})
    try:
        assert farm.logged(complaint or "listening")
    finally:
        farm.__exit__()

"""Reloading the configuration: whole or not at all, and without disturbing what runs."""

import json
import os
import re
import signal
import threading

import pytest

from admin_cli import corral, done, model_of, services_of, status
from harness import BIN, ROOT, Box, descendants, living, processes, resident_kib, service_manager, wait_until

SCENARIO = {"mode": "echo", "directives": True, "timing": {"load_ms": 50, "prefill_ms_per_chunk": 5, "tokens_per_second": 100},
            "tokenizer": {"family": "qwen2.5"}}


class Park(Box):
    """A corral whose configuration names several models, each on simulated services of its own."""

    def __init__(self, folder, models, head=""):
        super().__init__(folder, SCENARIO)
        self.write(models, head)

    def write(self, models, head=""):
        """`models`: name -> further lines of its table."""
        level = "" if "log_level" in head else 'log_level = "debug"\n'
        text = f'{level}profiles = ["{ROOT / "vendor"}"]\n{head}\n'
        self.config_file.write_text(text + "".join(self.table(name, extra) for name, extra in models.items()))

    def table(self, name, extra):
        sim = str(BIN / "corral-sim")
        tokenizer = [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"]
        runtime = [sim, "runtime", *self.runtime_flags()]
        environment = (f'{{ CORRAL_SIM_SCENARIO = "{self.folder / "scenario.json"}", CORRAL_SIM_PORT = "{{port}}", '
                       # Started alike, they would be names of one runtime.
                       f'CORRAL_SIM_BIND = "127.0.0.1", NAME = "{name}" }}')
        services = "".join(f"[models.services.{service}]\nport = 0\ncommand = {json.dumps(command)}\nenvironment = {environment}\n"
                           for service, command in (("tokenizer", tokenizer), ("runtime", runtime)))
        return (f'[[models]]\nname = "{name}"\nprofile = "axera-poll"\npackage = "{self.package}"\nfamily = "qwen2.5"\n'
                f'package_forbids_thinking = false\n{extra}\n{services}\n')

    def ask(self, model, text, **more):
        return self.post("/api/chat", {"model": model, "stream": False, "messages": [{"role": "user", "content": text}], **more})

    def follow(self, model, text):
        connection = self.connect()
        connection.request("POST", "/api/chat", json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}))
        return connection

    def pids(self):
        return {(model["name"], service["name"]): service["pid"] for model in status(self)["models"]
                for service in model["services"]}

    def names(self):
        return [model["name"] for model in status(self)["models"]]

    def wait_model(self, name):
        wait_until(lambda: model_of(self, name)["state"] == "ready", 30, f"{name} is ready\n" + self.log()[-2000:])


class Answer:
    """A streamed answer that is read in a thread."""

    def __init__(self, connection):
        self.response = connection.getresponse()
        self.lines = [json.loads(self.response.readline())]
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while line := self.response.readline():
            self.lines.append(json.loads(line))

    def end(self):
        self.thread.join(90)
        return self.lines[-1]


def test_a_bad_file_changes_nothing_and_every_mistake_is_named(tmp_path):
    with Park(tmp_path, {"one": "", "two": ""}) as park:
        park.wait_model("one:latest"), park.wait_model("two:latest")
        before = park.pids()
        answer = Answer(park.follow("one", "[[n=150]]"))
        park.write({"one": "max_que = 3", "three": 'sampling = { temperature = "hot" }'}, head="silense = 3")
        run = corral(park, "reload")
        assert run.returncode == 1
        for word in ("silense", "max_que", "temperature", "nothing has changed"):
            assert word in run.stderr, run.stderr
        # The log is written by a thread of its own.
        wait_until(lambda: re.search(r"corral\.toml:\d+:\d+: .*silense", park.log()), what="the mistake is in the log")
        assert park.names() == ["one:latest", "two:latest"]
        assert answer.end()["done"] is True
        assert park.pids() == before and status(park)["reloads"] == 0
        park.config_file.unlink()
        assert corral(park, "reload", "--socket", str(park.folder / "state-home/corral/corral.sock"), socket=False).returncode == 1
        assert park.ask("two", "[[text=whole]]").json["message"]["content"] == "whole"


def test_an_empty_file_unloads_nothing_unless_that_is_said(tmp_path):
    with Park(tmp_path, {"a": ""}) as box:
        before = box.pids()
        good = box.config_file.read_text()
        for text in ("", "# nothing\n", good[:good.index("[[models]]")]):
            box.config_file.write_text(text)
            refused = corral(box, "reload", "--socket", str(box.folder / "state-home/corral/corral.sock"), socket=False)
            assert refused.returncode == 1 and "--allow-empty" in refused.stderr, refused.stderr
            assert box.pids() == before
        box.config_file.write_text("")
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: box.log().count("--allow-empty") == 4, 10, "SIGHUP is refused too")
        box.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: "event=upgrade.given-up" in box.log(), 20, "and an upgrade")
        assert box.ask("a", "[[text=still here]]").json["message"]["content"] == "still here"
        assert box.pids() == before
        done(box, "reload", "--allow-empty")
        assert box.names() == []


def test_models_come_go_and_change_while_another_answers(tmp_path):
    with Park(tmp_path, {"stays": "", "goes": "", "changes": ""}) as park:
        for name in ("stays", "goes", "changes"):
            park.wait_model(f"{name}:latest")
        before = park.pids()
        running = {name: Answer(park.follow(name, "[[n=250]]")) for name in ("stays", "goes", "changes")}
        waiting = park.follow("goes", "waits")
        wait_until(lambda: model_of(park, "goes:latest")["queue"]["waiting"] == 1, what="one waits")
        park.write({"stays": "", "changes": 'default_system = "Another."', "comes": ""})
        told = done(park, "reload")
        assert "added: comes:latest; removed: goes:latest; changed: changes:latest" in told
        refused = waiting.getresponse()
        assert refused.status == 503 and b"taken out of this server's configuration" in refused.read()
        assert park.names() == ["stays:latest", "changes:latest", "comes:latest"]
        assert park.ask("goes", "still there?").status == 404
        tags = {model["name"] for model in park.get("/api/tags").json["models"]}
        assert tags == {"stays:latest", "changes:latest", "comes:latest"}
        # Those that come while the old ones still answer wait for the new.
        replies = {}
        later = [threading.Thread(target=lambda n=name: replies.update({n: park.ask(n, "[[text=new]]")}))
                 for name in ("changes", "comes")]
        for thread in later:
            thread.start()
        assert all(answer.end()["done"] is True for answer in running.values()), {k: a.lines[-1] for k, a in running.items()}
        for thread in later:
            thread.join(60)
        assert {name: reply.json["message"]["content"] for name, reply in replies.items()} == {"changes": "new", "comes": "new"}
        after = park.pids()
        assert all(after[("stays:latest", service)] == before[("stays:latest", service)] for service in ("tokenizer", "runtime"))
        assert not set(after.values()) & {before[("changes:latest", "runtime")], before[("goes:latest", "runtime")]}
        gone = {before[(name, service)] for name in ("goes:latest", "changes:latest") for service in ("tokenizer", "runtime")}
        wait_until(lambda: not gone & set(processes()), 20, "what left has stopped")


def test_the_new_one_starts_only_after_the_old_has_stopped(tmp_path):
    """A device seldom holds two."""
    with Park(tmp_path, {"one": ""}) as park:
        park.wait_model("one:latest")
        old = park.pids()[("one:latest", "runtime")]
        answer = Answer(park.follow("one", "[[n=200]]"))
        park.write({"one": 'default_system = "Another."', "two": ""})
        done(park, "reload")
        assert all(service["pid"] is None for name in ("one:latest", "two:latest") for service in services_of(park, name).values())
        assert old in processes() and answer.end()["done"] is True
        park.wait_model("one:latest"), park.wait_model("two:latest")
        assert not living({old})


def test_a_request_that_waited_runs_on_the_changed_model_as_it_is_now(tmp_path):
    with Park(tmp_path, {"one": ""}) as park:
        park.wait_model("one:latest")
        answer = Answer(park.follow("one", "[[n=100]]"))
        waiting = park.follow("one", "[[echo]] who are you?")
        wait_until(lambda: model_of(park, "one:latest")["queue"]["waiting"] == 1, what="one waits")
        park.write({"one": 'default_system = "You are the new one."'})
        done(park, "reload")
        assert answer.end()["done"] is True
        text = "".join(json.loads(line)["message"]["content"] for line in waiting.getresponse().read().splitlines())
        assert "You are the new one." in text, text


def test_settings_apply_live_and_the_rest_is_said(tmp_path):
    with Park(tmp_path, {"one": ""}) as park:
        park.wait_model("one:latest")
        before = park.pids()
        keys = tmp_path / "keys"
        key = done(park, "key", "new", "anna", "--file", str(keys), socket=False).strip()
        park.write({"one": ""}, head='max_queue = 1\nkeep_alive = "1s"\nstate_directory = "other"\n[access]\nkeys = "keys"')
        run = corral(park, "reload")
        assert run.returncode == 0 and "'state_directory' takes effect at the next start" in run.stderr
        assert "changed: none" in run.stdout, "it restarts no model now"
        assert park.get("/api/tags").status == 401
        park.headers = {"Authorization": f"Bearer {key}"}
        assert park.get("/api/tags").status == 200
        wait_until(lambda: model_of(park, "one:latest")["state"] == "unloaded", 20, "the shorter stay ran out")
        assert before[("one:latest", "runtime")] not in processes()
        park.write({"one": ""}, head='log_level = "info"')
        done(park, "reload")
        park.headers = {}
        assert park.ask("one", "[[text=open again]]").json["message"]["content"] == "open again"
        assert " DEBUG " not in park.log().split("models added: none")[-1]


def test_sighup_reloads_and_systemd_hears_of_it(tmp_path):
    with service_manager() as (systemd, path):
        park = Park(tmp_path, {"one": ""})
        try:
            park.start(environment={"NOTIFY_SOCKET": path})
            park.write({"one": "", "two": ""})
            park.process.send_signal(signal.SIGHUP)
            told = ""
            while "READY=1" not in told.partition("RELOADING=1")[2]:
                told += systemd.recv(4096).decode() + "\n"
            assert re.search(r"RELOADING=1\nMONOTONIC_USEC=[1-9]\d+", told), told
            assert park.names() == ["one:latest", "two:latest"]
        finally:
            park.__exit__()


def test_a_stopped_model_stays_stopped_over_a_reload(tmp_path):
    with Park(tmp_path, {"one": "", "two": ""}) as park:
        park.wait_model("one:latest"), park.wait_model("two:latest")
        done(park, "stop")
        park.write({"one": "", "two": 'default_system = "Another."'})
        done(park, "reload")
        for name in ("one", "two"):
            reply = park.ask(name, "anybody?")
            assert reply.status == 503 and "stopped by its operator" in reply.json["error"]
        assert [model["state"] for model in status(park)["models"]] == ["stopped", "stopped"]
        done(park, "start", "--wait")
        assert park.ask("two", "[[text=back]]").json["message"]["content"] == "back"


def test_a_model_that_a_reload_replaced_under_an_answer_is_told_of_and_stopped(tmp_path):
    with Park(tmp_path, {"one": ""}) as park:
        park.wait_model("one:latest")
        old = set(park.pids().values())
        answer = Answer(park.follow("one", "[[never_end]]"))
        park.write({"one": 'default_system = "Another."'})
        done(park, "reload")
        waiting = park.follow("one", "waits")
        wait_until(lambda: model_of(park, "one:latest")["queue"] == {"waiting": 1, "running": 1}, what="one answers, one waits")
        assert "reload" in model_of(park, "one:latest")["waits"]
        done(park, "stop", "one", "--now")
        assert not living(old), "what was told to be stopped is"
        assert "error" in answer.end() and waiting.getresponse().status == 503
        assert model_of(park, "one:latest")["state"] == "stopped"


def test_a_variant_follows_the_model_below_it(tmp_path):
    with Park(tmp_path, {"one": ""}) as park:
        park.wait_model("one:latest")
        made = park.post("/api/create", {"model": "mine", "from": "one", "system": "Mine.", "stream": False})
        assert made.status == 200, made.body
        park.write({"one": 'default_system = "Another."'})
        done(park, "reload")
        assert "Mine." in park.ask("mine", "[[echo]]").json["message"]["content"]
        park.write({"two": ""})
        done(park, "reload")
        assert park.ask("mine", "hello").status == 404
        park.write({"one": "", "two": ""})
        done(park, "reload")
        assert "Mine." in park.ask("mine", "[[echo]]").json["message"]["content"]


def test_twenty_reloads_leak_nothing(tmp_path):
    with Park(tmp_path, {"stays": "", "changes": ""}) as park:
        def settled():
            now = status(park)["models"]
            return all(service["state"] == "ready" for model in now for service in model["services"])

        def reload(number):
            # A system prompt that is longer each time would be a leak by itself.
            park.write({"stays": "", "changes": f'default_system = "Number {number:02}."', **({"extra": ""} if number % 2 else {})})
            done(park, "reload")
            wait_until(settled, 30, "all ready")
            assert park.ask("changes", "[[text=yes]]").status == 200

        def open_files():
            return len(os.listdir(f"/proc/{park.process.pid}/fd"))

        for number in range(4):
            reload(number)
        pids = {key: pid for key, pid in park.pids().items() if key[0] == "stays:latest"}
        # What left is forgotten a moment after its end.
        family = len(descendants(park.process.pid))
        files = wait_until(lambda: open_files(), what="descriptors")
        memory = resident_kib(park.process.pid)
        for number in range(4, 24):
            reload(number)
        wait_until(lambda: open_files() <= files + 2, 20, f"descriptors back to {files}")
        wait_until(lambda: len(descendants(park.process.pid)) <= family, 20, "processes back")
        assert {key: pid for key, pid in park.pids().items() if key[0] == "stays:latest"} == pids
        assert resident_kib(park.process.pid) < memory + 8 * 1024
        assert status(park)["reloads"] == 24


@pytest.mark.parametrize("number", [signal.SIGTERM])
def test_a_stop_during_a_handover_leaves_nothing(tmp_path, number):
    park = Park(tmp_path, {"one": ""}, head='shutdown_grace = "1s"').start()
    park.wait_model("one:latest")
    answer = Answer(park.follow("one", "[[never_end]]"))
    park.write({"one": 'default_system = "Another."'}, head='shutdown_grace = "1s"')
    done(park, "reload")
    family = descendants(park.process.pid)
    assert park.stop(number) == 0
    assert "error" in answer.end()
    wait_until(lambda: not living(family), 10, "nothing left")

"""Models in files of their own: dropped into a folder, read at a reload, one bad one left out, removed again."""

import json
import os
import re
import shutil
import subprocess

from admin_cli import corral, done, model_of, services_of, status
from harness import BIN, ROOT, Box, wait_until


class Shelf(Box):
    """A corral whose models are manifests."""

    def __init__(self, folder, manifests=(), models="", head=""):
        super().__init__(folder, {"directives": True})
        self.config_file.write_text(f'log_level = "debug"\nprofiles = ["{ROOT / "vendor"}"]\n{head}\n{models}')
        self.manifests = self.folder / "models.d"
        self.manifests.mkdir()
        for name in manifests:
            self.put(name)

    def manifest(self, name, extra="", table=""):
        sim = str(BIN / "corral-sim")
        commands = {"tokenizer": [sim, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"],
                    "runtime": [sim, "runtime", *self.runtime_flags()]}
        environment = (f'{{ CORRAL_SIM_SCENARIO = "{self.folder / "scenario.json"}", CORRAL_SIM_PORT = "{{port}}", '
                       f'CORRAL_SIM_BIND = "127.0.0.1", NAME = "{name}" }}')
        return (f'name = "{name}"\nprofile = "axera-poll"\npackage = "{self.package}"\nfamily = "qwen2.5"\n'
                f'package_forbids_thinking = false\n{extra}\n'
                + "".join(f"[{table}services.{service}]\nport = 0\ncommand = {json.dumps(command)}\nenvironment = {environment}\n"
                          for service, command in commands.items()))

    def put(self, name, extra="", file=None):
        place = self.manifests / (file or f"{name}.toml")
        place.write_text(self.manifest(name, extra))
        return place

    def ask(self, model, text):
        return self.post("/api/chat", {"model": model, "stream": False, "messages": [{"role": "user", "content": text}]})

    def wait_model(self, name):
        wait_until(lambda: model_of(self, name)["state"] == "ready", 30, f"{name} is ready\n" + self.log()[-2000:])

    def tags(self):
        return [model["name"] for model in self.get("/api/tags").json["models"]]


def test_a_file_dropped_in_is_served_and_rm_takes_it_out(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.start(wait_ready=False)
    try:
        assert shelf.tags() == [] and shelf.logged("corral import")
        assert shelf.get("/readyz").status == 503
        place = shelf.put("One", 'aliases = ["first"]')
        assert "added: One:latest" in done(shelf, "reload")
        shelf.wait_model("One:latest")
        assert shelf.ask("one", "[[text=here]]").json["message"]["content"] == "here"

        rows = json.loads(done(shelf, "list", "--json"))
        assert rows["daemon"] is True
        only = rows["models"][0]
        assert (only["name"], only["state"], only["aliases"], only["profile"]) == ("One:latest", "ready", ["first:latest"], "axera-poll")
        assert only["source"] == str(place) and only["package"] == str(shelf.package) and only["size_bytes"] > 0
        table = done(shelf, "list")
        assert "One:latest, first:latest" in table and "ready" in table and "\x1b" not in table
        page = done(shelf, "show", "FIRST")
        assert str(place) in page and "corral-sim runtime" in page and "--axmodel_num 4" in page

        missing = corral(shelf, "show", "ona")
        assert missing.returncode == 1 and "did you mean 'One:latest'?" in missing.stderr
        alias = corral(shelf, "rm", "first", "--yes")
        assert alias.returncode == 1 and "alias of 'One:latest'" in alias.stderr
        asked = subprocess.run([BIN / "corral", "rm", "one", "--config", shelf.config_file], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, timeout=30)
        assert asked.returncode == 1 and "--yes" in asked.stderr and place.exists()
        told = done(shelf, "rm", "one", "--yes")
        assert str(place) in told and "removed: One:latest" in told
        assert not place.exists() and shelf.package.is_dir()
        assert shelf.tags() == [] and shelf.ask("one", "gone?").status == 404
    finally:
        shelf.__exit__()


def test_one_bad_manifest_takes_nothing_down(tmp_path):
    shelf = Shelf(tmp_path, ["good"])
    bad = shelf.put("bad", "pacage = 1")
    shelf.put("GOOD", file="second.toml")
    shelf.put("hidden", file=".hidden.toml")
    shelf.put("copy", file="copy.toml~")
    (shelf.manifests / "folder.toml").mkdir()
    with shelf:
        assert shelf.tags() == ["good:latest"]
        line = next(number for number, text in enumerate(bad.read_text().splitlines(), 1) if text.startswith("pacage"))
        assert shelf.logged(f"{bad}:{line}:1: unknown key 'pacage'")
        left_out = {entry["file"]: entry for entry in status(shelf)["left_out"]}
        folder = shelf.manifests / "folder.toml"
        assert set(left_out) == {str(bad), str(shelf.manifests / "second.toml"), str(folder)}
        folder.rmdir()
        assert left_out[str(bad)]["name"] == "bad:latest"
        assert "is already defined" in left_out[str(shelf.manifests / "second.toml")]["problems"][0]
        assert "left out" in done(shelf, "status")
        ready = shelf.get("/readyz")
        assert ready.status == 200 and any("bad.toml" in text for text in ready.json["warnings"])
        states = {row["name"]: row["state"] for row in json.loads(done(shelf, "list", "--json"))["models"]}
        assert states == {"good:latest": "ready", "bad:latest": "left out", "GOOD:latest": "left out"}
        checked = subprocess.run([BIN / "corral", "check", shelf.config_file], capture_output=True, text=True, timeout=30)
        assert checked.returncode == 2 and f"{bad}:{line}:1" in checked.stderr and "good:latest" in checked.stdout

        # One that is served goes on as it was when its file becomes bad.
        before = services_of(shelf, "good:latest")["runtime"]["pid"]
        good = shelf.manifests / "good.toml"
        text = good.read_text()
        good.write_text("name = ")
        (shelf.manifests / "second.toml").unlink()
        shelf.put("new")
        run = corral(shelf, "reload")
        assert run.returncode == 0 and "added: new:latest; removed: none; changed: none" in run.stdout, run
        assert f"{good}:1:" in run.stderr and "model good:latest stays as it was" in run.stderr
        shelf.wait_model("new:latest")
        assert services_of(shelf, "good:latest")["runtime"]["pid"] == before
        assert shelf.ask("good", "[[text=as before]]").json["message"]["content"] == "as before"

        # Its disk is not mounted.
        good.unlink()
        good.symlink_to(tmp_path / "away" / "good.toml")
        run = corral(shelf, "reload")
        assert run.returncode == 0 and "removed: none" in run.stdout and "model good:latest stays as it was" in run.stderr
        assert "which is not there" in run.stderr and str(good) in [entry["file"] for entry in status(shelf)["left_out"]]
        assert services_of(shelf, "good:latest")["runtime"]["pid"] == before

        good.unlink()
        good.write_text(text)
        bad.unlink()
        assert "added: none; removed: none; changed: none" in done(shelf, "reload")
        assert status(shelf)["left_out"] == [] and "warnings" not in shelf.get("/readyz").json
        assert services_of(shelf, "good:latest")["runtime"]["pid"] == before


def test_a_pin_is_kept_in_the_manifest_and_taken_without_a_restart(tmp_path):
    shelf = Shelf(tmp_path)
    place = shelf.put("one", 'keep_alive = "1s"  # soon\npreload = true')
    before = place.read_text()
    shelf.start(wait_ready=False)
    try:
        shelf.wait_model("one:latest")
        assert f"pinned one:latest in {place}" in done(shelf, "pin", "ONE")
        assert "pinned = true" in place.read_text() and "# soon" in place.read_text()
        assert model_of(shelf, "one:latest")["pinned"] is True
        # Neither the keep-alive of the manifest nor that of a request unloads it.
        assert shelf.ask("one", "[[text=still]]").json["message"]["content"] == "still"
        pid = services_of(shelf, "one:latest")["runtime"]["pid"]
        assert shelf.post("/api/generate", {"model": "one", "keep_alive": 0}).status == 403
        told = json.loads(done(shelf, "pin", "one", "--json"))
        assert told["changed"] is False and told["pinned"] is True and told["reload"]["ok"] is True
        assert shelf.get("/api/ps").json["models"][0]["expires_at"] > "2200", "for ever"
        assert "unpinned one:latest in" in done(shelf, "unpin", "one")
        assert services_of(shelf, "one:latest")["runtime"]["pid"] == pid
        assert place.read_text() == before.replace('name = "one"\n', 'name = "one"\npinned = false\n', 1)
        wait_until(lambda: shelf.get("/api/ps").json["models"] == [], 30, "its second is over")
        nobody = corral(shelf, "pin", "two")
        assert nobody.returncode == 1 and "two" in nobody.stderr
    finally:
        shelf.stop()
    # Without a daemon the file is changed all the same.
    assert "no daemon was notified" in done(shelf, "pin", "one") and "pinned = true" in place.read_text()


def test_a_model_of_the_main_file_is_not_removed_and_wins_a_name(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.config_file.write_text(shelf.config_file.read_text() + "[[models]]\n" + shelf.manifest("main", table="models."))
    twin = shelf.put("Main")
    line = shelf.config_file.read_text().splitlines().index("[[models]]") + 1
    run = corral(shelf, "rm", "main", "--yes")
    assert run.returncode == 1 and f"{shelf.config_file}:{line}" in run.stderr and twin.exists()
    run = corral(shelf, "pin", "main")
    told = " ".join(run.stderr.split())
    assert run.returncode == 1 and f"pinned = true into its [[models]] table at {shelf.config_file}:{line}" in told
    # Works without a daemon, and says so.
    rows = corral(shelf, "list", "--json")
    assert rows.returncode == 0 and json.loads(rows.stdout)["daemon"] is False
    assert [row["state"] for row in json.loads(rows.stdout)["models"]] == [None, "left out"]
    assert "no daemon answers" in corral(shelf, "list").stderr


def test_without_a_word_the_usual_places_are_looked_at(tmp_path):
    shelf = Shelf(tmp_path, ["one"])
    place = tmp_path / "xdg" / "corral"
    place.mkdir(parents=True)
    shutil.move(shelf.config_file, place / "corral.toml")
    shutil.move(shelf.manifests, place / "models.d")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "xdg"), "XDG_STATE_HOME": str(tmp_path / "state-home")}
    environment.pop("CORRAL_CONFIG", None)
    if os.path.exists("/etc/corral/corral.toml"):
        environment["CORRAL_CONFIG"] = str(place / "corral.toml")
    log = tmp_path / "log"
    with open(log, "wb") as out:
        process = subprocess.Popen([BIN / "corral", "serve", "--listen", "127.0.0.1:0"], stdout=out, stderr=out, env=environment)
    try:
        wait_until(lambda: re.search(r"listening on http://127\.0\.0\.1:\d+", log.read_text()), what="corral listens")
        told = subprocess.run([BIN / "corral", "list", "--json"], capture_output=True, text=True, timeout=30, env=environment)
        rows = json.loads(told.stdout)
        assert rows["daemon"] is True and rows["configuration"] == str(place / "corral.toml"), told
        assert [row["name"] for row in rows["models"]] == ["one:latest"]
    finally:
        process.terminate()
        assert process.wait(30) == 0

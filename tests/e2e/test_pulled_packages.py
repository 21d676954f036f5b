"""Packages that a pull brought: told from others by their marker, removed by a client or on the box, never anything else."""

import hashlib
import json
import re
import shutil
import subprocess

import pytest

from admin_cli import corral, done, model_of
from harness import BIN, wait_until
from keyed_box import bearer, new_key
from pull_box import NAME, PullBox
from simulator import write_package
from test_manifests import Shelf


class Store(Shelf):
    """A shelf whose packages are below `directory` of [pull]."""

    def __init__(self, folder, pull="from_clients = true", head=""):
        folder.mkdir(parents=True, exist_ok=True)
        self.store = folder / "store"
        self.store.mkdir()
        super().__init__(folder, head=f'{head}\n[pull]\ndirectory = "{self.store}"\n{pull}')

    def bring(self, name, pulled=True):
        """A model as a pull leaves it: package, marker, manifest."""
        self.package = self.store / name
        write_package(self.package, 4)
        files = sorted(str(one.relative_to(self.package)) for one in self.package.rglob("*") if one.is_file())
        if pulled:
            (self.package / ".corral-pull.json").write_text(json.dumps(
                {"version": 1, "name": name, "source": "hub", "location": "o/r", "revision": "main",
                 "files": [{"path": one, "size": 0, "sha256": ""} for one in files]}))
        self.put(name)
        return self.package

    def delete(self, name, **more):
        return self.request("DELETE", "/api/delete", {"model": name}, **more)


def test_a_client_deletes_what_a_pull_brought_and_nothing_else(tmp_path):
    box = Store(tmp_path)
    pulled, own = box.bring("pulled"), box.bring("own", pulled=False)
    with box:
        wait_until(lambda: model_of(box, "pulled:latest")["state"] == "ready", 30, "loaded")
        (pulled / "notes.txt").write_text("mine")
        refused = box.delete("own")
        assert refused.status == 403 and "was not pulled" in refused.json["error"]
        assert box.delete("nobody").status == 404
        gone = box.delete("pulled")
        assert (gone.status, gone.body) == (200, b""), gone.body
        assert box.tags() == ["own:latest"]
        assert [one.name for one in pulled.iterdir()] == ["notes.txt"]
        assert not (box.manifests / "pulled.toml").exists() and (box.manifests / "own.toml").exists()
        assert (own / "model").is_dir()
        assert box.logged("event=pull.removed")


def test_a_removal_by_the_page_goes_on_when_its_asker_leaves(tmp_path):
    box = Store(tmp_path)
    pulled = box.bring("pulled")
    with box:
        wait_until(lambda: model_of(box, "pulled:latest")["state"] == "ready", 30, "loaded")
        answer = box.stream("[[n=5000]]", model="pulled")  # which the removal waits for
        assert not next(iter(answer))["done"]
        asking = box.connect()
        asking.request("POST", "/corral/v1/models/remove", json.dumps({"model": "pulled:latest", "files": True}),
                       {"X-Corral-Action": "1", "Content-Type": "application/json"})
        assert box.logged("pulled:latest: stopped by its operator")
        asking.close()
        answer.close()
        wait_until(lambda: not pulled.exists(), 30, "its files are gone")
        assert box.tags() == []


def test_clients_may_neither_pull_nor_delete_as_delivered(tmp_path):
    box = Store(tmp_path, pull="")
    package = box.bring("pulled")
    with box:
        pull = box.post("/api/pull", {"model": "qwen3:4b", "stream": False})
        assert pull.status == 500 and "'from_clients = true' in [pull]" in pull.json["error"]
        assert pull.json["error"].startswith("pull model manifest: file does not exist")
        refused = box.delete("pulled")
        assert refused.status == 403 and "'from_clients = true' in [pull]" in refused.json["error"]
        assert package.is_dir()


def test_a_key_needs_the_scope(tmp_path):
    box = Store(tmp_path, head='access = { keys = "keys" }')
    box.bring("pulled")
    anna = new_key(box, "anna")
    made = subprocess.run([BIN / "corral", "key", "new", "ops", "--scope", "operate", "--file", tmp_path / "keys"], check=True,
                          capture_output=True, text=True)
    ops = made.stdout.strip()
    listed = subprocess.run([BIN / "corral", "key", "list", "--file", tmp_path / "keys"], check=True, capture_output=True, text=True)
    assert listed.stdout == "anna  inference\nops  operate\n"
    box.headers = bearer(anna)
    with box:
        refused = box.delete("pulled")
        assert refused.status == 403 and "no scope 'pull'" in refused.json["error"]
        assert box.post("/api/pull", {"model": "qwen3:4b"}).status == 403
        assert box.request("POST", "/api/chat", {"model": "pulled"}, headers=bearer(ops)).status == 403
        assert box.delete("pulled", headers=bearer(ops)).status == 200


def test_prune_says_that_it_can_not_look(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "corral.toml").write_text('[pull]\ndirectory = "file"\n')
    run = subprocess.run([BIN / "corral", "prune", "--config", tmp_path / "corral.toml"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and f"'{tmp_path}/file' can't be opened" in run.stderr, run


def test_rm_with_files_and_prune_ask_first_and_keep_what_is_used(tmp_path):
    box = Store(tmp_path)
    pulled, left = box.bring("pulled"), box.bring("left")
    (box.manifests / "left.toml").unlink()
    parts = box.store / ".corral-pull" / "half" / "package"
    parts.mkdir(parents=True)
    (parts / "a").write_bytes(b"x" * 10000)
    with box:
        unasked = corral(box, "rm", "pulled", "--files")
        assert unasked.returncode == 1 and "--yes" in unasked.stderr and pulled.is_dir()
        seen = json.loads(done(box, "prune", "--json"))
        assert [one["folder"] for one in seen["unused"]] == ["left", "half"] and seen["removed"] == []
        assert {one["folder"]: one["models"] for one in seen["packages"]} == {"left": [], "pulled": ["pulled:latest"]}
        assert "used by pulled:latest" in done(box, "prune") and left.is_dir()
        done(box, "prune", "--yes")
        assert not left.exists() and not parts.parent.exists() and pulled.is_dir()
        told = json.loads(done(box, "rm", "pulled", "--files", "--yes", "--json"))
        assert told["ok"] and told["files"]["bytes"] > 0 and not pulled.exists()
        assert box.tags() == []


def test_a_package_of_two_models_stays(tmp_path):
    box = Store(tmp_path)
    package = box.bring("one")
    box.put("two")
    refused = corral(box, "rm", "one", "--files", "--yes")
    assert refused.returncode == 1 and "is also used by two:latest" in refused.stderr
    assert package.is_dir() and (box.manifests / "one.toml").exists()


def test_search_tells_what_the_catalogue_has_for_this_box(tmp_path):
    box = Store(tmp_path)
    (tmp_path / "catalogue.d").mkdir()
    (tmp_path / "catalogue.d" / "own.toml").write_text(
        '[[models]]\nname = "mine:1b"\nfamily = "qwen3"\n[[models.packages]]\nboxes = ["cpu"]\nprofile = "llama-server"\n'
        'local = "/srv/mine"\nlicense = "MIT"\nfacts = "a test"\n'
        '[[models]]\nname = "mine:9b"\nfamily = "qwen3"\n[[models.packages]]\nboxes = ["rk3576"]\nprofile = "llama-server"\n'
        'local = "/srv/mine"\nlicense = "MIT"\nfacts = "a test"\n')
    (tmp_path / "catalogue.d" / "bad.toml").write_text("[[models]]\n")
    run = subprocess.run([BIN / "corral", "search", "--json", "mine", "--config", box.config_file], check=True, capture_output=True,
                         text=True)
    told = json.loads(run.stdout)
    assert [(one["name"], one["fits"]) for one in told["models"]] == [("mine:1b", True), ("mine:9b", False)]
    assert "has packages for an RK3576" in told["models"][1]["reason"]
    assert any("bad.toml:1" in one and "'name'" in one for one in told["problems"])
    page = subprocess.run([BIN / "corral", "search", "qwen3", "--config", box.config_file], check=True, capture_output=True, text=True)
    assert "qwen3:4b" in page.stdout and "not verified" in page.stdout
    none = subprocess.run([BIN / "corral", "search", "--json", "nothing", "--config", box.config_file], capture_output=True, text=True)
    assert none.returncode == 1 and json.loads(none.stdout)["models"] == [], none


def test_a_second_pull_is_up_to_date_and_a_newer_package_an_update(tmp_path):
    with PullBox(tmp_path) as box:
        box.corral("pull", NAME, "--name", "mine")
        again = box.corral("pull", NAME, "--name", "mine")
        assert "up to date" in again.stdout and "served as mine:latest" in again.stdout, again.stdout
        assert "fetching" not in again.stdout and "in place" not in again.stdout, again.stdout
        (box.package / "more.txt").write_text("of a later revision")
        with open(box.package / "SHA256SUMS", "a") as sums:
            sums.write(f"{hashlib.sha256(b'of a later revision').hexdigest()}  more.txt\n")
        told = box.corral("pull", NAME, "--name", "mine").stdout
        assert "updated: mine:latest answers with the new files" in told, told
        assert (box.store / "Qwen3-4B" / "more.txt").exists()
        assert {one.name for one in box.store.iterdir()} == {"Qwen3-4B"}, "nothing of the revision before is left"


def test_the_revision_before_serves_until_the_new_one_has_answered(tmp_path):
    with PullBox(tmp_path) as box:
        box.corral("pull", NAME, "--name", "mine")
        server = next(box.package.glob("main_api_*"))
        file, good = next(box.models.glob("mine*.toml")), server.read_bytes()
        manifest = file.read_text()
        server.write_bytes(b"#!/bin/sh\nexit 3\n")
        sums = box.package / "SHA256SUMS"
        sums.write_text(re.sub(rf"\w{{64}}(?=  {server.name}$)", hashlib.sha256(server.read_bytes()).hexdigest(), sums.read_text(), flags=re.M))
        told = box.corral("pull", NAME, "--name", "mine", status=1)
        assert "mine:latest is served from the previous revision" in told.stderr and "exit status 3" in told.stderr, told
        assert (box.store / "Qwen3-4B" / server.name).read_bytes() == good
        assert file.read_text() == manifest
        assert {one.name for one in box.store.iterdir()} == {"Qwen3-4B"}
        status, text = box.ask("POST", "/api/generate", {"model": "mine", "prompt": "Hello", "stream": False})
        assert status == 200 and json.loads(text)["done"], text


@pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is not installed")
def test_a_maker_s_channel_brings_what_he_signed_and_nothing_else(tmp_path):
    """The recipe of docs/appliance.md: what a nightly 'corral pull' of a signed source does."""
    with PullBox(tmp_path, more="[import]\nrequire_signature = true\n") as box:
        key, trusted = tmp_path / "maker", box.config / "trusted.d"
        trusted.mkdir()
        subprocess.run(["minisign", "-G", "-W", "-p", trusted / "maker.pub", "-s", f"{key}.key"], check=True, stdout=subprocess.DEVNULL)

        def publish(sign=True, **files):
            sums = box.package / "SHA256SUMS"
            for name, text in files.items():
                (box.package / f"{name}.txt").write_text(text)
                with open(sums, "a") as out:
                    out.write(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}.txt\n")
            if sign:
                subprocess.run(["minisign", "-S", "-s", f"{key}.key", "-m", sums], check=True, stdout=subprocess.DEVNULL)

        def answers():
            status, text = box.ask("POST", "/api/generate", {"model": NAME, "prompt": "Hello", "stream": False})
            return status == 200 and json.loads(text)["done"]

        publish()
        box.corral("pull", NAME)
        assert answers()
        assert "up to date" in box.corral("pull", NAME).stdout, "a night without news"
        publish(second="of the second revision")
        assert "answers with the new files" in box.corral("pull", NAME).stdout
        manifest = next(box.models.glob("qwen3*.toml")).read_text()
        publish(sign=False, third="of somebody else")
        refused = box.corral("pull", NAME, status=1)
        assert "is served from the previous revision" in refused.stderr, refused
        assert (box.store / "Qwen3-4B" / "second.txt").exists() and not (box.store / "Qwen3-4B" / "third.txt").exists()
        assert next(box.models.glob("qwen3*.toml")).read_text() == manifest and answers()

"""The pages for a box's maker: each command of their blocks is run on the installed package by tools/check_package, and here what
needs no root; each table of settings is loaded."""

import json
import os
import re
import subprocess
import sys

import pytest

from harness import BIN, ROOT, started, wait_until

sys.path.insert(0, str(ROOT / "tools"))
from package_pages import LEFT_OUT, MAY_FAIL, PAGES, as_user, blocks_of, commands_of, mentions_of  # noqa: E402

# On an installed package alone (tools/check_package).
NEEDS_ROOT = r"sudo apt |sudo corral unit --write|sudo systemctl |sudo python3 -m venv|sudo /opt/"


def reason_of(command):
    return next((why for begin, why in LEFT_OUT.items() if re.match(begin, command)), None)


def test_each_reason_to_leave_a_command_out_is_of_a_command_that_is_there():
    commands = [command for page in PAGES for command in commands_of(page)]
    assert len(commands) > 10
    for begin in LEFT_OUT:
        assert any(re.match(begin, command) for command in commands), f"no page has {begin} any more"


@pytest.mark.parametrize("page", PAGES)
def test_each_block_says_what_it_is(page):
    assert {kind for kind, _ in blocks_of(page)} <= {"sh", "toml", "ini", ""}
    for kind, text in blocks_of(page):
        assert kind or not re.search(r"(?m)^\W*(sudo|corral|curl|apt|systemctl|tools/)", text), text


@pytest.mark.parametrize("page", PAGES)
def test_each_command_in_its_sentences_is_one(page):
    pages = {}

    def help_of(*words):
        if words not in pages:
            pages[words] = subprocess.run([BIN / "corral", *words, "--help"], capture_output=True, text=True, timeout=30)
        return pages[words]

    for mention in mentions_of(page):
        words = re.sub(r"^sudo (-u \w+ )?", "", mention).split()
        if words[0].startswith("tools/"):
            assert (ROOT / words[0]).exists(), mention
        if words[0] != "corral" or len(words) < 2 or not words[1].isalpha():
            continue
        said = help_of(words[1])
        assert said.returncode == 0, (mention, said.stderr)
        for flag in (word for word in words[2:] if word.startswith("--")):
            assert flag in said.stdout, f"{mention}: corral {words[1]} has no {flag}"


class Owner:
    """A box's owner, whose folders lie below one of the test's, and with no need of sudo."""

    def __init__(self, folder):
        self.folder = folder
        config = folder / "config/corral"
        config.mkdir(parents=True)
        (folder / "state").mkdir()
        (folder / "state").chmod(0o700)
        (config / "corral.toml").write_text(f'listen = "127.0.0.1:0"\nprofiles = ["{ROOT / "vendor"}"]\n')
        self.environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"),
                            "XDG_STATE_HOME": str(folder / "state"), "PATH": f"{BIN}:{os.environ['PATH']}", "no_proxy": "*", "TERM": "dumb"}
        self.environment.pop("CORRAL_CONFIG", None)
        self.log = folder / "corral.log"
        for name in ("Qwen3-4B", "Qwen3-1.7B"):
            self.run("corral-sim", "package", str(folder / "models" / name), "--layers", "4", "--name", name)
        with open(self.log, "ab") as out:
            self.daemon = subprocess.Popen(["corral", "serve"], stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.environment)
        started.append(self.daemon)
        self.port = wait_until(lambda: re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text()), what="corral listens")[1]

    def run(self, *words, **how):
        return subprocess.run(words, capture_output=True, text=True, timeout=120, env=self.environment, cwd=self.folder,
                              stdin=subprocess.DEVNULL, **how)

    def does(self, command):
        mine = as_user(command, f"{self.folder}/models/").replace("/var/lib/corral", str(self.folder / "state")).replace("11434", self.port)
        return self.run("bash", "-e", "-o", "pipefail", "-c", mine)

    def end(self):
        self.daemon.terminate()
        self.daemon.wait(timeout=60)


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_the_page_works_as_it_stands(tmp_path, page):
    commands = [one for one in commands_of(page) if not reason_of(one) and not re.match(NEEDS_ROOT, one)]
    if not commands:
        return  # the page has none but those of test_each_reason...
    owner = Owner(tmp_path)
    try:
        for command in commands:
            done = owner.does(command)
            assert done.returncode == 0 or re.match(MAY_FAIL, command), (command, done.stdout, done.stderr)
            assert "unknown" not in done.stderr, (command, done.stderr)
            if "/api/chat" in command:
                assert '"done":true' in done.stdout, (command, done.stdout, owner.log.read_text()[-2000:])
            if "key new" in command:
                assert done.stdout.strip() and (tmp_path / "state/keys").exists(), done
    finally:
        owner.end()


def with_block(manifest, block):
    """The tables of `block` in those that a manifest has already."""
    parts = re.split(r"(?m)^(?=\[)", block)
    whole = parts[0] + manifest
    for part in parts[1:]:
        header = part.splitlines()[0].split("#")[0].strip()
        if f"\n{header}\n" in whole:
            whole = whole.replace(f"\n{header}\n", f"\n{part.rstrip()}\n", 1)
        else:
            whole += "\n" + part
    return whole


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_on_the_page_are_settings(tmp_path, page):
    config = tmp_path / "corral.toml"
    base = f'profiles = ["{ROOT / "vendor"}"]\nmodels_directory = "{tmp_path / "models.d"}"\n'
    words = [BIN / "corral", "check", "--no-files", config]
    for kind, text in blocks_of(page):
        if kind != "toml":
            continue
        if "catalogue.d/" in text.splitlines()[0]:
            (tmp_path / "catalogue.d").mkdir()
            (tmp_path / "catalogue.d/maker.toml").write_text(text)
            config.write_text(base)
            listed = json.loads(subprocess.run([BIN / "corral", "search", "--json", "--config", config], check=True, capture_output=True,
                                               timeout=30).stdout)
            assert listed["problems"] == [] and re.search(r'name = "(.*)"', text)[1] in [one["name"] for one in listed["models"]]
            continue
        if "models.d/" in text.splitlines()[0]:
            config.write_text(base)
            package = tmp_path / "package"
            subprocess.run([BIN / "corral-sim", "package", package, "--layers", "4"], check=True, capture_output=True, timeout=30)
            subprocess.run([BIN / "corral", "import", package, "--name", "sim", "--config", config], check=True, capture_output=True,
                           timeout=60, stdin=subprocess.DEVNULL)
            (manifest,) = (tmp_path / "models.d").glob("*.toml")
            manifest.write_text(with_block(manifest.read_text(), text))
        else:
            config.write_text(base + text)
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        # Files that only a box has, such as certificates, are named as missing.
        said = [line for line in done.stderr.splitlines() if line.startswith("error") and "/etc/corral/tls" not in line
                and "/var/lib/corral/keys" not in line]
        assert not said, (text, done.stderr)

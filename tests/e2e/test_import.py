"""From a vendor's folder to a served model: the three commands of a new user, and what import does to the disk."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import time
import tomllib
import unicodedata
import zipfile

import pytest

from harness import BIN, ROOT, started, wait_until

LAYER = "model/sim_p128_l2_together.axmodel"


class NewUser:
    """A home of its own: the usual places and no other word to Corral than what a person types."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "config/corral"
        self.models = self.config / "models.d"
        self.package = self.folder / "Qwen3-4B"
        self.log = self.folder / "corral.log"
        self.config.mkdir(parents=True)
        # Only so that tests run side by side: a port from the kernel, and the profiles of this tree.
        (self.config / "corral.toml").write_text(f'listen = "127.0.0.1:0"\nprofiles = ["{ROOT / "vendor"}"]\n')
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder / "config"), "HOME": str(self.folder),
                            "XDG_STATE_HOME": str(self.folder / "state")}
        self.environment.pop("CORRAL_CONFIG", None)
        subprocess.run([BIN / "corral-sim", "package", self.package], check=True, stdout=subprocess.DEVNULL)
        self.process = None

    def corral(self, *words, status=0):
        run = subprocess.run([BIN / "corral", *words], capture_output=True, text=True, timeout=60, env=self.environment)
        assert run.returncode == status, (words, run.returncode, run.stdout, run.stderr)
        return run

    def json(self, *words, status=0):
        return json.loads(self.corral("import", self.package, "--json", *words, status=status).stdout)

    def serve(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BIN / "corral", "serve"], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment)
        started.append(self.process)
        return wait_until(self.address, what="corral listens")

    def address(self):
        assert self.process.poll() is None, self.log.read_text()
        found = re.findall(r"listening on (http://127\.0\.0\.1:\d+)", self.log.read_text())
        return found[-1] if found else None

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def listing(self):
        """Everything there is below the home but what a daemon keeps."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


@pytest.fixture
def user(tmp_path):
    one = NewUser(tmp_path)
    yield one
    one.stop()


def ids(answer, severity="error"):
    return [finding["id"] for finding in answer["findings"] if finding["severity"] == severity]


def test_three_commands_from_the_folder_to_the_first_token(user, capsys):
    began = time.monotonic()
    imported = user.corral("import", user.package, "--name", "qwen3:4b")
    after_import = time.monotonic()
    address = user.serve()
    after_serve = time.monotonic()
    question = {"model": "qwen3:4b", "messages": [{"role": "user", "content": "What is a corral?"}]}
    with subprocess.Popen(["curl", "-sSN", "--noproxy", "*", "--max-time", "60", f"{address}/api/chat", "-d",
                           json.dumps(question)], stdout=subprocess.PIPE, text=True) as curl:
        first = json.loads(curl.stdout.readline())
        first_token = time.monotonic()
        rest = [json.loads(line) for line in curl.stdout]
    assert first.get("message", {}).get("content"), first
    assert rest[-1]["done"] is True
    with capsys.disabled():
        print(f"\nfrom the folder to the first token: import {after_import - began:.2f} s, "
              f"serve {after_serve - after_import:.2f} s, first token {first_token - after_serve:.2f} s "
              f"(the simulated model loads in 0.4 s), {first_token - began:.2f} s in all")
    assert imported.stdout.endswith("Run this:\n  corral serve\n")
    assert re.search(r"^  4 layer files: 4 whole; .*$", imported.stdout, re.M), imported.stdout
    manifest = user.models / "qwen3-4b.toml"
    assert str(manifest) in imported.stdout
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o644
    text = manifest.read_text()
    assert re.search(r'layers = 4  # run_sim_int8_ctx_axcl_x86_api\.sh:\d+, --axmodel_num', text)
    assert 'tokenizer_script = "qwen3_tokenizer_uid.py"' in text
    # A second one while Corral runs is taken at once.
    second = user.corral("import", user.package, "--name", "qwen3:copy")
    assert "the running Corral has it now" in second.stdout
    with subprocess.Popen(["curl", "-sS", "--noproxy", "*", "--max-time", "60", f"{address}/api/tags"],
                          stdout=subprocess.PIPE, text=True) as curl:
        assert {model["name"] for model in json.load(curl.stdout)["models"]} == {"qwen3:4b", "qwen3:copy"}
    # One that is not served yet is no success, and what is to be run can be pasted.
    with open(user.config / "corral.toml", "a") as file:
        file.write("nonsense = 1\n")
    third = user.corral("import", user.package, "--name", "qwen3:third", status=1)
    assert "did not accept it" in third.stderr, third.stderr
    assert re.search(r"^  corral reload +# ", third.stdout, re.M), third.stdout


def test_a_dry_run_writes_nothing_and_prints_the_manifest(user):
    before = user.listing()
    run = user.corral("import", user.package, "--dry-run")
    assert user.listing() == before
    assert 'profile = "axera-poll"' in run.stdout and "layers = 4" in run.stdout
    answer = user.json("--dry-run")
    assert answer["written"] is False and answer["manifest"] == run.stdout
    assert user.listing() == before


def test_a_system_that_is_being_made_gets_its_manifest_with_its_own_paths(user):
    image = user.folder / "image"
    package = image / "srv/models/Qwen3-4B"
    package.parent.mkdir(parents=True)
    shutil.move(user.package, package)
    sums = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.relative_to(package)}" for one in sorted(package.rglob("*")) if one.is_file()]
    (package / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    outside = user.corral("import", "--root", image, user.folder, status=2)
    assert "is not below --root" in outside.stderr, outside
    assert "there is no folder" in user.corral("import", "--root", user.folder / "none", package, status=2).stderr
    (image / "etc/corral").mkdir(parents=True)
    (image / "etc/corral/corral.toml").write_text(f'profiles = ["{ROOT / "vendor"}"]\n')
    none = json.loads(user.corral("import", user.folder / "none", "--json", status=2).stdout)
    assert none["ok"] is False and none["status"] == 2 and ids(none), none
    bare = json.loads(user.corral("import", "--root", image, package, "--dry-run", "--json", status=1).stdout)
    assert [one for one in ids(bare) if one.startswith("program.lo") or one.startswith("program.lib")], "the image has no library yet"
    for name in ("lib", "lib64", "usr"):
        if pathlib.Path("/", name).exists():
            (image / name).symlink_to(f"/{name}")
    told = user.corral("import", "--root", image, package)
    assert "reload" not in told.stdout and "corral serve" not in told.stdout, "it is not for the Corral of this machine"
    manifest = image / "etc/corral/models.d/qwen3-4b.toml"
    written = tomllib.loads(manifest.read_text())
    assert written["package"] == "/srv/models/Qwen3-4B"
    assert str(image) not in manifest.read_text()
    assert not user.models.exists()
    seal = json.loads(manifest.with_suffix(".sums").read_text())
    assert seal["package"] == "/srv/models/Qwen3-4B" and {one["inode"] for one in seal["files"]} == {0}
    # The card is written, and the box serves it: here by the same paths in a folder of the image's own.
    manifest.write_text(manifest.read_text().replace('"/srv/models', f'"{image}/srv/models'))
    manifest.with_suffix(".sums").write_text(json.dumps({**seal, "package": str(package)}))
    shutil.copytree(manifest.parent, user.models)
    assert user.corral("check").returncode == 0


def test_another_machine_judges_programs_by_what_it_is(user):
    here = os.uname().machine
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[here]
    same = user.json("--machine", here, "--dry-run")
    assert [one["id"] for one in same["findings"] if one["severity"] == "error"] == []
    assert "import.elsewhere" in [one["id"] for one in same["findings"]]
    away = user.json("--machine", other, "--dry-run", status=1)
    assert ids(away) == ["package.no-server-program"], away["findings"]
    assert f"main_api_axcl_{other.removesuffix('_64')}" in away["findings"][0]["fix"], "the simulator's package has programs of this machine"
    assert user.corral("import", user.package, "--machine", "toaster", status=2)


def test_what_is_there_is_replaced_only_when_that_is_said(user):
    user.corral("import", user.package, "--name", "qwen3:4b")
    manifest = user.models / "qwen3-4b.toml"
    written = manifest.read_text()
    manifest.write_text(written + "# by hand\n")
    refused = user.json("--name", "qwen3:4b", status=2)
    assert ids(refused) == ["import.there"] and "--force" in refused["findings"][0]["fix"]
    assert manifest.read_text().endswith("# by hand\n")
    user.corral("import", user.package, "--name", "qwen3:4b", "--force")
    assert manifest.read_text() == written
    assert [path.name for path in user.models.iterdir()] == ["qwen3-4b.toml"]


def test_a_name_that_is_taken_elsewhere_is_refused(user):
    user.corral("import", user.package, "--name", "qwen3:4b")
    (user.models / "qwen3-4b.toml").rename(user.models / "mine.toml")
    assert ids(user.json("--name", "QWEN3:4b", status=2)) == ["import.name-taken"]


def test_a_half_download_is_imported_and_told(user):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 20000000\n"
    (user.package / LAYER).write_text(pointer)
    answer = user.json("--name", "qwen3:4b", status=1)
    assert answer["written"] and ids(answer) == ["file.lfs-pointer"], answer["findings"]
    (user.models / "qwen3-4b.toml").unlink()
    told = user.corral("import", user.package, "--name", "qwen3:4b", status=1)
    assert re.search(r"^error: .*LFS pointer", told.stdout, re.M), told.stdout
    assert "it can start once the errors above are fixed" in told.stdout and told.stderr == ""
    assert re.search(r"^  4 layer files: 3 whole, 1 LFS pointer \(\d\); .* of .*$", told.stdout, re.M), told.stdout
    # Nobody runs who could be asked to reload.
    assert "corral reload" not in told.stdout and told.stdout.endswith("  corral serve\n")


def test_an_execute_bit_is_set_where_that_is_said(user):
    program = next(user.package.glob("main_api_*"))
    program.chmod(0o644)
    told = user.corral("import", user.package, status=1)
    assert "execute bit" in told.stdout and "or import again with --fix" in told.stdout
    assert f"  chmod +x {program}\n" in told.stdout
    repaired = user.corral("import", user.package, "--force", "--fix")
    assert "fixed: " in repaired.stdout and "execute bit" in repaired.stdout and "error:" not in repaired.stdout
    assert os.access(program, os.X_OK)


def wheel(folder, name, version):
    """The smallest package that pip installs."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as out:
        out.writestr(f"{name}.py", f"version = '{version}'\n")
        out.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def test_what_a_script_needs_of_python_is_installed_where_that_is_said(user, tmp_path):
    script = next(user.package.glob("*tokenizer*.py"))
    script.write_text("import corral_test_words\n" + script.read_text())
    told = user.corral("import", user.package, status=1)
    assert "corral_test_words" in told.stdout and "with --fix" in told.stdout
    # Without a way to a package index: what to fetch elsewhere, and how to bring it here.
    user.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    offline = user.corral("import", user.package, "--force", "--fix", status=1)
    assert "pip download -d wheels corral_test_words" in " ".join(offline.stdout.split()), offline.stdout
    # The package's own list says which version; what it says besides is not followed.
    for version in ("1.0", "1.1", "2.0"):
        wheel(tmp_path / "wheels", "corral_test_words", version)
    (user.package / "requirements.txt").write_text("--no-index\n-r elsewhere.txt\ncorral-test-words >= 1.0, <2\n")
    repaired = user.corral("import", user.package, "--force", "--fix")
    python = user.config / "python/bin/python"
    assert "installing corral_test_words>=1.0,<2" in repaired.stderr and f'python = "{python}"' in next(user.models.glob("*.toml")).read_text()
    subprocess.run([python, "-c", "import corral_test_words as it; assert it.version == '1.1', it.version"], check=True)
    assert "module" not in user.corral("check").stdout
    user.serve()
    user.corral("start", "--wait")


@pytest.mark.parametrize("typed, command", [
    ("AXERA-TECH/Qwen3-4B", "corral pull hf.co/AXERA-TECH/Qwen3-4B"),
    ("https://huggingface.co/AXERA-TECH/Qwen3-4B/tree/main", "corral pull hf.co/AXERA-TECH/Qwen3-4B"),
    ("https://www.modelscope.cn/models/org/m", "modelscope download --model org/m --local_dir m")])
def test_a_name_of_a_hub_is_answered_with_the_command_that_fetches_it(user, typed, command):
    run = user.corral("import", typed, status=2)
    assert run.stdout == "" and re.search(rf"Run th(is|ese):\n  {re.escape(command)}\n", run.stderr), run.stderr
    assert json.loads(user.corral("import", typed, "--json", status=2).stdout)["commands"][0] == command


def test_other_folders_are_told_apart_and_nothing_is_written(user):
    before = user.listing()
    empty = user.folder / "empty"
    empty.mkdir()
    run = user.corral("import", empty, status=2)
    assert "is empty" in run.stderr
    assert "corral import" in user.corral("import", user.folder, status=2).stderr  # the package is inside
    shutil.rmtree(empty)
    other = user.folder / "service"
    (other / "conf").mkdir(parents=True)
    (other / "conf" / "config.json").write_text('{"ServerConfig": {"port": 1025}, "BackendConfig": {}}')
    run = user.corral("import", other, status=2)
    assert "is a MindIE service folder" in run.stderr and "modelWeightPath" in run.stderr
    shutil.rmtree(other)
    assert user.listing() == before


def test_a_box_without_a_model_says_how_to_get_one(user):
    address = user.serve()
    step = "'corral search' lists what fits this box, 'corral pull NAME' fetches one"
    assert step in user.corral("list").stderr
    assert step in user.corral("status").stdout
    assert step in user.corral("run", "qwen3:4b", "Hello", status=1).stderr
    asked = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "60", f"{address}/api/show", "-d", '{"model":"qwen3:4b"}'],
                           capture_output=True, text=True, check=True)
    assert "'corral pull NAME'" in asked.stdout, asked.stdout


@pytest.mark.parametrize("name", ["Qwen3-4B.zip", "notes.txt"])
def test_a_file_is_no_folder(user, name):
    before = user.listing()
    file = user.folder / name
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("Qwen3-4B/config.json", "{}")
    run = user.corral("import", file, status=2)
    assert "is not a folder" in run.stderr and "Unpack it" in run.stderr and "permissions" not in run.stderr
    file.unlink()
    assert user.listing() == before


def test_a_folder_with_spaces_and_umlauts_is_served_to_the_answer(user):
    folder = user.package.rename(user.folder / "Grüße & 'Käse' 4B")
    user.corral("import", folder, "--name", "qwen3:4b")
    user.corral("check")
    address = user.serve()
    run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "60", f"{address}/api/generate", "-d",
                          json.dumps({"model": "qwen3:4b", "prompt": "Hello", "stream": False})], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["response"], run.stdout
    assert folder.name in user.corral("show", "qwen3:4b").stdout


def test_a_gguf_is_imported_for_llama_cpp(user):
    other = user.folder / "gguf"
    other.mkdir()
    (other / "Qwen3-4B-Q4_K_M.gguf").write_bytes(b"GGUF\3\0\0\0" + bytes(16) + b"x" * 2_000_000)
    run = user.corral("import", other, "--name", "qwen3:4b", status=1)
    assert "There is no program 'llama-server' in PATH." in run.stdout
    written = (user.models / "qwen3-4b.toml").read_text()
    assert 'profile = "llama-server"' in written and 'model_file = "Qwen3-4B-Q4_K_M.gguf"' in written


def test_a_folder_of_manifests_that_leads_elsewhere_is_not_written_to(user):
    elsewhere = user.folder / "elsewhere"
    elsewhere.mkdir()
    user.models.symlink_to(elsewhere)
    run = user.corral("import", user.package, status=2)
    assert "is a link" in run.stderr
    assert list(elsewhere.iterdir()) == []


def test_a_script_that_leads_out_of_the_package_is_refused(user):
    script = user.package / "run_sim_int8_ctx_axcl_x86_api.sh"
    script.write_text(script.read_text().replace("model/sim_post.axmodel", "../../secret.axmodel"))
    answer = user.json(status=2)
    assert ids(answer) == ["script.path"] and answer["written"] is False
    assert not user.models.exists()


# A control sequence of one character and an order of writing; then the usual escape, a bell, and lines of their own, which no
# path of a package may hold.
SLY = "x\u009b2J\u202egpj"
HOSTILE = SLY + "\x1b]0;owned\x07\r\nprofile = 'evil'\n[services]\n"


def hostile_part(text):
    """What would do something on a terminal or in an editor; lines end as they do."""
    for at, character in enumerate(text):
        if character != "\n" and unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp"):
            return text[max(0, at - 20):at + 40]
    return None


def put_hostile_words(package):
    """Wherever a vendor may write: names of files and folders, texts of scripts and READMEs."""
    (package / "model").rename(package / f"model {SLY}")
    for script in package.glob("run_*.sh"):
        words = script.read_text().replace("You are Qwen", "You are Qwen " + HOSTILE)
        script.write_text(re.sub(r'"?\bmodel/([\w.%]+)"?', lambda found: f'"model {SLY}/{found[1]}"', words))
    shutil.copy(package / "run_sim_int8_ctx_axcl_x86_api.sh", package / f"run_sim_{HOSTILE}_axcl_x86_api.sh")
    (package / "README.md").write_text("# Qwen3-4B " + HOSTILE)


def test_hostile_characters_of_a_package_reach_no_manifest_and_no_terminal(user):
    user.package = user.package.rename(user.folder / f"Qwen3-4B {HOSTILE}")
    put_hostile_words(user.package)
    shown = []
    for words in (["--dry-run"], ["--dry-run", "--json"], ["--name", "qwen3:4b"], ["--json", "--name", "qwen3:other"]):
        run = subprocess.run([BIN / "corral", "import", user.package, *words], capture_output=True, timeout=60, env=user.environment)
        assert run.returncode in (0, 1), (words, run)
        shown += [run.stdout.decode(), run.stderr.decode()]
    written = sorted(user.models.iterdir())
    assert [file.name for file in written] == ["qwen3-4b.toml", "qwen3-other.toml"]
    for file in written:
        text = file.read_bytes().decode()
        assert hostile_part(text) is None, repr(hostile_part(text))
        assert "\\u009B" in text, "the package's words are in it"
        manifest = tomllib.loads(text)
        assert manifest["profile"] == "axera-poll" and manifest["package"] == str(user.package)
        assert HOSTILE in manifest["variables"]["system_prompt"]
        assert manifest["variables"]["layer_files"].startswith(f"model {SLY}/")
    for words in (["check"], ["list"], ["check", "--no-files"]):
        run = subprocess.run([BIN / "corral", *words], capture_output=True, timeout=60, env=user.environment)
        shown += [run.stdout.decode(), run.stderr.decode()]
    address = user.serve()
    with subprocess.Popen(["curl", "-sS", "--noproxy", "*", "--max-time", "60", f"{address}/api/generate", "-d",
                           '{"model": "qwen3:4b", "prompt": "hello", "stream": false}'], stdout=subprocess.PIPE, text=True) as curl:
        assert json.load(curl.stdout).get("response"), "the model is served all the same"
    for words in (["status"], ["status", "qwen3:4b"], ["list"], ["logs"], ["doctor"]):
        run = subprocess.run([BIN / "corral", *words], capture_output=True, timeout=60, env=user.environment)
        shown += [run.stdout.decode(), run.stderr.decode()]
    user.stop()
    shown.append(user.log.read_bytes().decode())
    for text in shown:
        # The command line's own colours are no matter of a package, and a pipe gets none.
        assert hostile_part(text.replace("\t", " ")) is None, repr(hostile_part(text))

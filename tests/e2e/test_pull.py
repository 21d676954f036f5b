"""From a name to a package on the disk: the whole of it with the right checksums, or nothing under its name."""

import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import BIN, ROOT, wait_until
from hub import Hub, git_blob, size_of

RUNS = int(os.environ.get("CORRAL_PULL_RUNS", "12"))


def some_files(seed=1, large=3):
    dice = random.Random(seed)
    out = {f"model/layer_{i}.bin": dice.randbytes(dice.randint(1000, 400_000)) for i in range(large)}
    out |= {"config.json": b'{"a": 1}', "README.md": b"# model\n", "empty.txt": b"", "tokenizer/vocab.txt": dice.randbytes(700)}
    out["model/same.bin"] = out["model/layer_0.bin"]  # the same bytes under two names
    return out


class Box:
    def __init__(self, folder, hub, more=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.hub = hub
        self.models = self.folder / "models"
        self.config = self.folder / "corral.toml"
        endpoint = f'endpoint = "{hub.endpoint}"\n' if hub else ""
        self.config.write_text(f'listen = "127.0.0.1:0"\nprofiles = ["{ROOT / "vendor"}"]\nadmin_socket = "a.sock"\n'
                               f'state_directory = "state"\n[pull]\ndirectory = "models"\n{endpoint}{more}')
        self.environment = {**os.environ, "HOME": str(self.folder), "SSL_CERT_FILE": str(hub.certificate) if hub else ""}
        for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "HF_TOKEN", "HF_ENDPOINT"):
            self.environment.pop(name, None)

    def words(self, *words, name="hf.co/o/r", load=False):
        extra = [] if load else ["--no-import"]
        return [str(BIN / "corral"), "pull", name, "--config", str(self.config), *extra, *words]

    def start(self, *words, **how):
        return subprocess.Popen(self.words(*words, **how), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=self.environment)

    def pull(self, *words, status=0, **how):
        run = subprocess.run(self.words(*words, **how), capture_output=True, text=True, timeout=120, env=self.environment)
        assert status is None or run.returncode == status, (run.returncode, run.stdout, run.stderr)
        return run

    @property
    def package(self):
        return self.models / "r"

    def found(self):
        """Files of the package as they are, but for the record of the pull; None: there is none."""
        if not self.package.exists():
            return None
        return {str(file.relative_to(self.package)): file.read_bytes() for file in self.package.rglob("*")
                if file.is_file() and file.name != ".corral-pull.json"}


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path, some_files())
    yield one
    one.close()


@pytest.fixture
def box(tmp_path, hub):
    return Box(tmp_path / "box", hub)


def test_a_package_comes_whole_and_a_second_pull_fetches_nothing(box, hub):
    told = box.pull().stdout
    assert box.found() == hub.files
    assert "pulled: " in told and not (box.models / ".corral-pull").exists()
    record = json.loads((box.package / ".corral-pull.json").read_text())
    assert {one["path"]: one["sha256"] for one in record["files"]} == {
        path: hashlib.sha256(data).hexdigest() for path, data in hub.files.items()}
    assert record["revision"] == hub.commit
    sent = hub.sent
    assert "already there, whole" in box.pull().stdout
    assert hub.sent == sent


def test_json_is_ollamas_own_sequence(box, hub):
    lines = [json.loads(line) for line in box.pull("--json").stdout.splitlines()]
    states = [line["status"] for line in lines]
    assert states[0] == "pulling manifest" and states[-3:] == ["verifying sha256 digest", "writing manifest", "success"]
    moving = [line for line in lines if "digest" in line]
    total = sum(map(len, hub.files.values()))
    assert moving and all(line["total"] == total and line["status"] == "pulling " + line["digest"][7:19] for line in moving)
    assert moving[-1]["completed"] == total
    wrong = json.loads(box.pull("--json", name="hf.co/o/r:none", status=1).stdout.splitlines()[-1])
    assert wrong["ok"] is False and "no such branch, tag or commit" in wrong["error"], wrong


def test_a_dry_run_fetches_nothing_and_says_how_long_it_takes(box, hub):
    told = box.pull("--dry-run", "--rate", "100kB").stdout
    assert f"{len(hub.files)} files of hf.co/o/r at 111111111111" in told and " at 100 kB/s" in told
    assert hub.sent == 0 and not box.models.exists()
    assert "'abc' is not a rate per second" in box.pull("--dry-run", "--rate", "abc", status=2).stderr
    assert "--patience: 'abc' is not a valid time to wait" in box.pull("--patience", "abc", status=2).stderr
    assert "--rate requires --dry-run" in box.pull("--rate", "100kB", status=2).stderr
    assert hub.sent == 0 and not box.models.exists()


def test_a_dry_run_that_reaches_nobody_says_nothing_of_what_was_kept(box, hub):
    hub.close()
    told = box.pull("--dry-run", "--patience", "1s", status=1).stderr
    assert "check the network and the name, then retry" in told and "kept" not in told, told


def test_what_the_box_lacks_is_named_before_the_first_byte(box, hub):
    hub.files["layer_0.axmodel"] = b"x" * 2000
    hub.files["qwen3_tokenizer_uid.py"] = b"import json\nimport no_such_module_of_corral\nimport helper_of_it\n"
    hub.files["helper_of_it.py"] = b""
    hub.listed = hub.tree()
    told = box.pull("--dry-run").stderr
    assert "'qwen3_tokenizer_uid.py' imports no_such_module_of_corral, which 'python3' does not have" in told
    assert "helper_of_it" not in told.replace("helper_of_it.py", "") and hub.sent < 200, told
    needs = json.loads(box.pull("--dry-run", "--json").stdout)["needs"]
    # Of the machine that the test runs on only this is certain: it has no card of Axera's, or its driver is not there.
    assert any("no_such_module_of_corral" in one for one in needs)
    assert any("1f4b:0650" in one or "axcl" in one for one in needs), needs
    process = box.start()
    told = process.communicate(timeout=60)[0]
    assert process.returncode == 0 and told.index("missing on this box: ") < told.index("pulled: "), told
    assert box.found() == hub.files


def test_a_program_that_the_package_does_not_bring_is_named(tmp_path, box, hub):
    (box.folder / "catalogue.d").mkdir()
    (box.folder / "catalogue.d" / "own.toml").write_text(
        '[[models]]\nname = "mine:1b"\nfamily = "qwen3"\n[[models.packages]]\nboxes = ["cpu"]\nprofile = "llama-server"\n'
        'hub = "o/r"\nlicense = "MIT"\nfacts = "a test"\nmemory_mb = 1\npython = ["no_such_module_of_corral"]\n')
    box.environment["PATH"] = "/usr/bin:/bin"
    needs = json.loads(box.pull("--dry-run", "--json", name="mine:1b").stdout)["needs"]
    assert any("llama-server" in one and "the package does not bring it" in one for one in needs), needs
    assert any("its runtime imports no_such_module_of_corral" in one for one in needs), needs
    hub.files["llama-server"] = b"#!/bin/sh\n"
    needs = json.loads(box.pull("--dry-run", "--json", name="mine:1b").stdout)["needs"]
    assert not any("llama-server" in one for one in needs), needs


def test_a_part_is_gone_on_with_after_the_command_was_killed(box, hub):
    hub.files["model/big.bin"] = random.Random(2).randbytes(30_000_000)
    box.config.write_text(box.config.read_text() + 'speed_limit = "8MB"\n')
    process = box.start()
    part = lambda: sum(map(size_of, box.models.rglob(".corral-pull/r/parts/*"))) > 9_000_000  # noqa: E731
    wait_until(part, what="parts on the disk")
    process.kill()
    process.wait()
    assert box.found() is None
    box.config.write_text(box.config.read_text().replace('speed_limit = "8MB"\n', ""))
    before = hub.sent
    box.pull()
    assert box.found() == hub.files
    assert any(r and r.startswith("bytes=") for _, _, path, r, _ in hub.requests if path.endswith("big.bin"))
    assert hub.sent - before < 25_000_000


def test_what_lies_there_is_never_trusted_by_its_name(box, hub):
    box.pull()
    victim = box.package / "model/layer_1.bin"
    data = bytearray(victim.read_bytes())
    data[5] ^= 1
    victim.write_bytes(data)
    sent = hub.sent
    box.pull()
    assert box.found() == hub.files
    assert hub.sent - sent == len(data)


def test_the_token_goes_to_the_hub_alone(box, hub, tmp_path):
    hub.token = "hf_secret"
    assert "token" in box.pull(status=1).stderr
    (tmp_path / "token").write_text("hf_secret\n")
    box.config.write_text(box.config.read_text() + f'token_file = "{tmp_path / "token"}"\n')
    box.pull()
    assert box.found() == hub.files
    assert {who for host, _, _, _, who in hub.requests if host == "storage"} == {None}


@pytest.mark.parametrize("status, words", [(401, "not for everybody"), (403, "token"), (404, "no such thing")])
def test_a_refusal_is_told_and_not_asked_again(box, hub, status, words):
    hub.fault = lambda kind, *_: str(status) if kind == "revision" else None
    assert words in box.pull(status=1).stderr
    assert len(hub.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_with_troubles_is_asked_again(box, hub, status):
    hub.fault = lambda kind, path, number: str(status) if number == 0 else None
    box.pull()
    assert box.found() == hub.files


def test_a_server_that_names_a_time_is_left_alone_until_then(box, hub):
    hub.fault = lambda kind, path, number: "later" if (kind, path, number) == ("resolve", "config.json", 0) else None
    begin = time.monotonic()
    box.pull()
    assert box.found() == hub.files
    assert time.monotonic() - begin > 1.5, "a date two to three seconds ahead"


def test_whoever_waits_for_the_list_hears_of_it(box, hub):
    hub.fault = lambda kind, path, number: "after:21" if (kind, number) == ("revision", 0) else None
    statuses = [json.loads(line).get("status") for line in box.pull("--json").stdout.splitlines()]
    assert statuses.count("pulling manifest") == 2, "the daemon ends a pull that is silent for minutes"


@pytest.mark.parametrize("what", ["wrong", "longer", "shorter"])
def test_a_lie_about_a_file_leaves_nothing(box, hub, what):
    hub.fault = lambda kind, path, _: what if kind == "file" and path.endswith("layer_1.bin") else None
    assert "layer_1.bin" in box.pull(status=1).stderr
    assert box.found() is None
    hub.fault = lambda *_: None
    sent = hub.sent
    box.pull()
    assert box.found() == hub.files
    assert hub.sent - sent < sum(map(len, hub.files.values()))


def test_a_circle_of_redirects_ends(box, hub):
    hub.fault = lambda kind, path, _: "loop" if kind == "resolve" else None
    assert "more than 5 times" in box.pull(status=1).stderr
    assert box.found() is None


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", "a\nb", "a\0b", "a//b", "./a", "x" * 300, ".corral-pull.json",
                                  "a" + "/b" * 20])
def test_a_name_that_leads_elsewhere_is_refused_before_the_first_byte(box, hub, path):
    hub.listed = hub.tree() + [{"type": "file", "oid": "0" * 40, "size": 3, "path": path}]
    assert "is refused" in box.pull(status=1).stderr
    assert hub.sent == 0 and box.found() is None


@pytest.mark.parametrize("extra", ["CONFIG.json", "config.json", "config.json/x"])
def test_names_that_are_one_name_are_refused(box, hub, extra):
    hub.listed = hub.tree() + [{"type": "file", "oid": "0" * 40, "size": 3, "path": extra}]
    assert "is refused" in box.pull(status=1).stderr


def test_ten_thousand_files_come_and_more_are_refused(box, hub):
    hub.files = {f"f/{i:05}": b"%d" % i for i in range(300)}
    hub.page = 100
    box.pull()
    assert box.found() == hub.files
    hub.listed = [{"type": "file", "oid": "0" * 40, "size": 1, "path": f"{i}"} for i in range(10_001)]
    hub.page = 1000
    assert "more than 10000 files" in box.pull(status=1).stderr


def test_a_repository_that_changes_on_the_way_is_listed_again(box, hub):
    def change(kind, path, number):
        if kind == "resolve" and hub.commit == "1" * 40:
            hub.commit = "2" * 40
            hub.files["model/layer_2.bin"] = b"new" * 1000
            return "404"
        return None

    hub.fault = change
    box.pull()
    assert box.found() == hub.files
    assert json.loads((box.package / ".corral-pull.json").read_text())["revision"] == "2" * 40


def test_a_new_version_takes_what_is_the_same_and_keeps_what_is_not_its_own(box, hub):
    box.pull()
    (box.package / "notes.txt").write_text("mine")
    hub.commit = "3" * 40
    hub.files["model/layer_2.bin"] = b"newer" * 1000
    del hub.files["README.md"]
    sent = hub.sent
    told = box.pull().stdout
    assert box.found() == hub.files
    assert hub.sent - sent == 5000
    kept = box.models / "r.kept1"
    assert str(kept) in told and (kept / "notes.txt").read_text() == "mine"


def test_a_folder_of_somebody_is_left_alone(box, hub):
    box.package.mkdir(parents=True)
    (box.package / "mine").write_text("x")
    assert "was not made by a pull" in box.pull(status=1).stderr
    assert [file.name for file in box.package.iterdir()] == ["mine"]


def test_the_second_waits_and_takes_what_the_first_brought(box, hub):
    hub.files["model/big.bin"] = random.Random(3).randbytes(6_000_000)
    box.config.write_text(box.config.read_text() + 'speed_limit = "3MB"\n')
    first = box.start("--json")
    wait_until(lambda: list(box.models.rglob("parts/*")), what="the first has begun")
    second = box.start("--json")
    assert first.wait(60) == 0 and second.wait(60) == 0
    assert box.found() == hub.files
    assert hub.sent < sum(map(len, hub.files.values())) + 100_000
    assert '"success"' in second.stdout.read()


def test_a_signal_keeps_what_has_come(box, hub):
    hub.files["model/big.bin"] = random.Random(4).randbytes(6_000_000)
    box.config.write_text(box.config.read_text() + 'speed_limit = "2MB"\n')
    process = box.start()
    wait_until(lambda: list(box.models.rglob("parts/*")), what="it has begun")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    assert "resumes it" in process.stdout.read()
    assert box.found() is None


def test_a_silent_source_is_given_up_and_asked_again(box, hub):
    hub.fault = lambda kind, path, number: "stall" if kind == "file" and path.endswith("layer_1.bin") and number == 0 else None
    box.pull("--patience", "2s")
    assert box.found() == hub.files


@pytest.mark.parametrize("what", ["same-cut", "drip"])
def test_a_source_that_gets_nowhere_is_asked_less_and_less_often(box, hub, what):
    path = "model/layer_1.bin"
    hub.fault = lambda kind, asked, number: what if kind == "file" and asked == path else None
    process = box.start("--patience", "1s")

    def times():
        with hub.guard:
            return sum(1 for host, _, asked, *_ in hub.requests if host == "storage" and asked.endswith(path))

    wait_until(lambda: times() >= 2, what="asked again")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 10, 15, "ten seconds")
    assert process.poll() is None and times() <= 2 + 6, "each wait is about twice the one before"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    assert box.found() is None


def test_a_certificate_that_nobody_vouches_for_is_refused(box):
    box.environment["SSL_CERT_FILE"] = ""
    assert "certificate" in box.pull(status=1).stderr


def test_room_and_quota_are_judged_before_the_first_byte(box, hub):
    hub.listed = hub.tree()
    hub.listed.append({"type": "file", "path": "huge", "size": 900_000_000_000, "oid": "0" * 40,
                       "lfs": {"oid": "0" * 64, "size": 900_000_000_000}})
    assert "has no room" in box.pull(status=1).stderr
    assert hub.sent == 0
    hub.listed = None
    box.config.write_text(box.config.read_text() + 'quota = "1kB"\n')
    assert "the quota of [pull] is smaller than the package" in box.pull(status=1).stderr


def test_a_web_folder_and_a_local_one_with_a_list_of_checksums(tmp_path, box, hub):
    data = some_files(7)
    folder = tmp_path / "from"
    for path, content in data.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "SHA256SUMS").write_text("".join(f"{hashlib.sha256(c).hexdigest()}  {p}\n" for p, c in data.items()))
    box.pull(name=f"file://{folder}")
    brought = box.models / "from"
    assert {p: (brought / p).read_bytes() for p in data} == data
    hub.files = {f"web/{p}": c for p, c in data.items()} | {"web/SHA256SUMS": (folder / "SHA256SUMS").read_bytes()}
    box.pull(name=hub.storage_url + "/web/")
    assert {p: (box.models / "web" / p).read_bytes() for p in data} == data
    (folder / "README.md").write_text("other")
    assert "README.md" in box.pull(name=f"file://{folder}", status=1).stderr
    assert not (box.models / "web/SHA256SUMS").exists(), "who signed nothing has no list to keep"
    # A signature goes along with its list, byte for byte, onto a stick too; a page in its place does not.
    signed = {"SHA256SUMS": hub.files["web/SHA256SUMS"], "SHA256SUMS.minisig": b"untrusted comment: by a maker\nRWQ\n"}
    hub.files |= {f"web/{name}": content for name, content in signed.items()} | {"web/SHA256SUMS.asc": b"<html>not here</html>"}
    box.pull(name=hub.storage_url + "/web/")
    box.pull("--to-stick", str(tmp_path / "stick"), name=hub.storage_url + "/web/")
    for place in (box.models / "web", tmp_path / "stick/web"):
        assert {p.name: p.read_bytes() for p in place.glob("SHA256SUMS*")} == signed


def test_a_web_folder_that_is_silent_about_sizes_is_asked_for_one(box, hub):
    listed = "".join(f"{hashlib.sha256(c).hexdigest()}  {p}\n" for p, c in hub.files.items())
    hub.files = {f"web/{p}": c for p, c in hub.files.items()} | {"web/SHA256SUMS": listed.encode()}
    hub.fault = lambda kind, path, number: "silent-head"
    box.pull("--patience", "1s", name=hub.storage_url + "/web/")
    assert sum(method == "HEAD" for _, method, *_ in hub.requests) == 1
    assert (box.models / "web/config.json").exists()


def test_a_stick_carries_it_to_a_box_without_a_network(tmp_path, box, hub):
    (tmp_path / "file").write_text("")
    told = box.pull("--to-stick", str(tmp_path / "file/stick"), status=1).stderr
    assert f"the folder '{tmp_path}/file/stick' that --to-stick names" in told and "[pull]" not in told, told
    box.pull("--to-stick", str(tmp_path / "stick"))
    carried = tmp_path / "stick/r"
    assert "SHA256SUMS" in {p.name for p in carried.iterdir()} and not (carried / ".corral-pull.json").exists()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=carried, check=True)
    (carried / "config.json").write_text("mine")
    assert "r.kept1" in box.pull("--to-stick", str(tmp_path / "stick")).stdout
    assert (tmp_path / "stick/r.kept1/config.json").read_text() == "mine"
    assert (carried / "config.json").read_bytes() == hub.files["config.json"]
    other = Box(tmp_path / "other", None)
    other.pull(name=f"file://{carried}")
    assert other.found() == hub.files


def test_the_package_of_the_simulator_is_a_model_afterwards(tmp_path, box, hub):
    subprocess.run([BIN / "corral-sim", "package", tmp_path / "Qwen3-4B"], check=True, stdout=subprocess.DEVNULL)
    hub.files = {str(p.relative_to(tmp_path / "Qwen3-4B")): p.read_bytes() for p in (tmp_path / "Qwen3-4B").rglob("*") if p.is_file()}
    lines = [json.loads(line) for line in box.pull("--json", name="hf.co/o/Qwen3-4B", load=True).stdout.splitlines()]
    assert lines[-1] == {"status": "success"}
    assert "qwen3:4b" in (box.folder / "models.d/qwen3-4b.toml").read_text()
    assert "served as qwen3:4b" in box.pull(name="hf.co/o/Qwen3-4B", load=True).stdout


def test_a_disk_that_becomes_full_keeps_what_has_come(tmp_path, hub):
    """A small disk in a namespace of mounts; the list says less than comes, so that room seems to be there."""
    hub.files = {f"model/{i}.bin": random.Random(i).randbytes(30_000_000) for i in range(3)}
    box = Box(tmp_path / "box", hub, "parallel = 1\n")
    box.models.mkdir()
    script = (f"mount -t tmpfs -o size=200m none {box.models} && head -c 160000000 /dev/zero > {box.models}/other; "
              f"{' '.join(box.words())}; echo status $?; ls {box.models}; rm {box.models}/other; "
              f"{' '.join(box.words())}; echo status $?; cd {box.models}/r && cat model/0.bin model/1.bin model/2.bin | sha256sum")
    run = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, timeout=120, env=box.environment)
    if run.stderr.startswith("unshare:") or ("mount" in run.stderr and "denied" in run.stderr):
        pytest.skip("needs the right to mount")
    assert "no room" in run.stderr and "status 1" in run.stdout and "status 0" in run.stdout, (run.stdout, run.stderr)
    assert hashlib.sha256(b"".join(hub.files.values())).hexdigest() in run.stdout


OUTSIDE = """
import sys; sys.path[:0] = [{here!r}]
import pathlib, subprocess
subprocess.run("ip link set lo up; ip addr add 203.0.113.5/32 dev lo; ip addr add 10.1.2.3/32 dev lo", shell=True, check=True)
from hub import Hub
from test_pull import Box, some_files
folder = pathlib.Path({folder!r})
outside = Hub(folder / "outside", some_files(), address="203.0.113.5")
{setting}
for where in sys.argv[1:]:
    where = where.replace("PORT", str(inside.storage.server_address[1]))
    outside.fault = lambda kind, path, number: "to:" + where + "/" + path if kind == "resolve" else None
    print(where, box.pull(status=1).stderr)
assert not inside.requests, inside.requests
assert box.found() is None
{also}
outside.fault = lambda *_: None
box.pull()
assert box.found() == outside.files
"""


def led_inside(tmp_path, where, setting, also=""):
    """What pulls say of the addresses `where` to which a source of the internet leads them; `setting` makes `inside` and `box`."""
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
    script = OUTSIDE.format(here=str(pathlib.Path(__file__).parent), folder=str(tmp_path), setting=setting, also=also)
    run = subprocess.run(["unshare", "-rn", sys.executable, "-c", script, *where], capture_output=True, text=True, timeout=120)
    if "unshare" in run.stderr and "ermitted" in run.stderr:
        pytest.skip("needs network namespaces")
    assert run.returncode == 0, (run.stdout, run.stderr)
    return run.stdout


def test_a_source_of_the_internet_does_not_lead_us_inside(tmp_path):
    where = ["http://203.0.113.5:1", "http://127.0.0.1:PORT", "https://127.0.0.1:PORT", "https://10.1.2.3:PORT", "https://[::1]:PORT",
             "https://localhost:PORT", "https://[::ffff:127.0.0.1]:PORT", "https://169.254.1.1:PORT", "https://0.0.0.0:PORT", "file:///etc"]
    said = led_inside(tmp_path, where, 'inside = Hub(folder / "inside", some_files(), address="127.0.0.1", tls=False)\n'
                                       'box = Box(folder / "box", outside)')
    assert said.count("without TLS") == 2 and said.count("an address inside this network") == 7, said


def one_life(folder, seed):
    """A pull among faults, killed at times, until it succeeds; never a package under its name that is not whole."""
    dice = random.Random(seed)
    folder.mkdir()
    hub = Hub(folder, some_files(seed, dice.randint(1, 6)), page=dice.choice([3, 1000]))
    box = Box(folder / "box", hub, f"parallel = {dice.randint(1, 6)}\n")
    total = sum(map(len, hub.files.values()))
    rate = dice.choice([0.1, 0.3, 0.5])
    troubles = {"revision": ["503", "cut", "429"], "tree": ["503", "cut", "garbage"], "resolve": ["503", "loop", "429", "404"],
                "file": ["cut", "cut", "cut", "wrong", "longer", "shorter", "range-lie", "ignore-range", "503"]}

    def fault(kind, path, number):
        # What ends a pull at once comes seldom.
        one = dice.choice(troubles[kind]) if dice.random() < rate else None
        return one if one not in ("loop", "404", "garbage") or dice.random() < 0.2 else None

    hub.fault = fault
    try:
        ends = []
        for attempt in range(4):
            if dice.random() < 0.4:
                process = box.start()
                try:
                    process.wait(dice.uniform(0.02, 1.0))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                ends.append("killed")
            else:
                ends.append(box.pull(status=None).returncode)
            found = box.found()
            assert found is None or found == hub.files, f"seed {seed}: a package that is not whole"
            if 0 in ends:
                assert found == hub.files, f"seed {seed}: success without a package"
                break
        hub.fault = lambda *_: None
        wait_until(lambda: hub.serving == 0, what="what was killed is served no more")
        here, wrong = 0, 0
        by_sum = {each: data for data in hub.files.values() for each in (hashlib.sha256(data).hexdigest(), git_blob(data))}
        for file in box.models.rglob("*"):
            if not file.is_file() or file.name in ("lock", "progress", "journal.json"):
                continue
            have = file.read_bytes()
            here += len(have)
            # A part by its name. One with wrong bytes is found out when all of it is there, and comes once more.
            whole = next((data for each, data in by_sum.items() if file.name.startswith(each)), have)
            wrong += 0 if whole.startswith(have) else len(whole)
        sent = hub.sent
        box.pull()
        assert box.found() == hub.files, f"seed {seed}"
        came = hub.sent - sent
        assert came <= max(0, total - here) + wrong + 4096, f"seed {seed}: {here} of {total} were there, {wrong} to come again, {came} came"
        return ends
    finally:
        hub.close()


def test_lives_among_faults_end_with_the_whole_package_or_none(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        lives = [pool.submit(one_life, tmp_path / str(seed), seed) for seed in range(RUNS)]
        for each in lives:
            each.result()

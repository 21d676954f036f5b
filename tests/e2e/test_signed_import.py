"""Packages with checksums: what import, a start and check say of a file that is not the maker's."""

import json
import shutil
import subprocess

import pytest

from harness import wait_until
from test_import import LAYER, NewUser, ids

pytestmark = pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")


@pytest.fixture
def user(tmp_path):
    one = NewUser(tmp_path)
    seal(one)
    yield one
    one.stop()


def seal(user):
    """As a maker does it."""
    (user.package / "SHA256SUMS").unlink(missing_ok=True)
    files = sorted(str(path.relative_to(user.package)) for path in user.package.rglob("*") if path.is_file())
    sums = subprocess.run(["sha256sum", *files], cwd=user.package, check=True, capture_output=True, text=True).stdout
    (user.package / "SHA256SUMS").write_text(sums)
    return len(files)


def change(file):
    """One bit, at the same length."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_package_that_is_as_its_list_says_is_imported(user):
    count = seal(user)
    told = user.corral("import", user.package)
    assert f"{count} files are as SHA256SUMS says" in told.stdout
    record = json.loads((user.models / "qwen3-4b.sums").read_text())
    assert record["format"] == 1 and len(record["files"]) == count
    user.corral("check")
    user.corral("rm", "qwen3:4b", "--yes")
    assert not (user.models / "qwen3-4b.sums").exists()


def test_a_package_that_is_not_is_refused_with_the_names(user):
    change(user.package / LAYER)
    (user.package / "extra.sh").write_text("echo\n")
    answer = user.json(status=2)
    assert ids(answer) == ["package.changed"] and LAYER in answer["findings"][0]["what"]
    assert answer["written"] is False and not list(user.models.glob("*"))
    (user.package / LAYER).unlink()
    answer = user.json(status=2)
    assert "missing or unreadable" in answer["findings"][0]["what"] and LAYER in answer["findings"][0]["what"]
    (user.package / "SHA256SUMS").write_text("0" * 64 + "  ../../etc/passwd\n")
    answer = user.json(status=2)
    assert ids(answer) == ["package.list"] and "line 1 is refused" in answer["findings"][0]["what"]


def test_pointers_of_a_clone_are_told_as_such_with_the_command(user):
    (user.package / LAYER).write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 20000000\n")
    (user.package / ".git").mkdir()
    answer = user.json(status=2)
    assert ids(answer) == ["file.lfs-pointer"] and LAYER in answer["findings"][0]["what"], answer
    assert answer["findings"][0]["fix"].endswith(f"git -C {user.package} lfs pull"), answer
    assert answer["written"] is False and not list(user.models.glob("*"))


def test_a_change_after_the_import_is_named_before_a_start_and_by_check(user):
    user.corral("import", user.package)
    user.serve()
    wait_until(lambda: json.loads(user.corral("status", "--json").stdout)["models"][0]["state"] == "ready", what="the model is loaded")
    assert "changed or replaced since the import" not in user.log.read_text()
    change(user.package / LAYER)
    user.corral("restart", "qwen3:4b", "--wait")
    wait_until(lambda: f"'{LAYER}' was changed or replaced since the import" in user.log.read_text(), what="the change is named")
    checked = user.corral("check", status=1)
    assert f"Different from the list of checksums: '{LAYER}'" in checked.stderr
    user.corral("check", "--no-files")


def test_a_required_signature_refuses_what_nobody_signed(user):
    answer = user.json("--require-signature", status=2)
    assert ids(answer) == ["package.unsigned"]
    configuration = user.config / "corral.toml"
    configuration.write_text(configuration.read_text() + "[import]\nrequire_signature = true\n")
    assert ids(user.json(status=2)) == ["package.unsigned"]
    assert not list(user.models.glob("*"))


def signed(user):
    """With the maker's key among those that are trusted."""
    key = user.folder / "maker"
    trusted = user.config / "trusted.d"
    if not trusted.exists():
        trusted.mkdir()
        subprocess.run(["minisign", "-G", "-W", "-p", trusted / "maker.pub", "-s", f"{key}.key"], check=True, stdout=subprocess.DEVNULL)
    seal(user)
    subprocess.run(["minisign", "-S", "-s", f"{key}.key", "-m", user.package / "SHA256SUMS"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is not installed")
def test_a_required_signature_covers_all_that_a_program_may_read(user):
    signed(user)
    for name in ("__pycache__/helper.cpython-311.pyc", ".hidden/helper.py", ".env", "SHA256SUMS.py", ".git/config"):
        added = user.package / name
        added.parent.mkdir(exist_ok=True)
        added.write_text("x")
        answer = user.json("--require-signature", status=2)
        assert ids(answer) == ["package.unlisted"] and name in answer["findings"][0]["what"], answer
        added.unlink()
        if added.parent != user.package:
            added.parent.rmdir()
    user.corral("import", user.package, "--require-signature")
    cache = user.package / "__pycache__"
    cache.mkdir()
    (cache / "helper.cpython-311.pyc").write_text("x")
    assert "__pycache__/helper.cpython-311.pyc" in user.corral("check", status=1).stderr
    user.serve()
    model = wait_until(lambda: [one for one in json.loads(user.corral("status", "--json").stdout)["models"]
                                if "signed list" in json.dumps(one)], what="the added file is named")[0]
    assert model["state"] != "ready"


BAIT = '''import importlib.util, py_compile, sys
py_compile.compile(sys.argv[1], importlib.util.cache_from_source(sys.argv[2]), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
'''


def test_a_service_runs_no_byte_code_that_lies_in_its_package(user):
    """Whether a signature is required or not."""
    script = next(user.package.glob("*_tokenizer_uid.py"))
    told = user.folder / "told"
    (user.package / "helper.py").write_text(f"open({str(told)!r}, 'w').write('the source')\n")
    script.write_text("import helper\n" + script.read_text())
    (user.folder / "evil.py").write_text(f"open({str(told)!r}, 'w').write('the byte code')\n")
    subprocess.run(["python3", "-c", BAIT, user.folder / "evil.py", user.package / "helper.py"], check=True)
    baited = set((user.package / "__pycache__").iterdir())
    seal(user)
    user.corral("import", user.package)
    user.serve()
    wait_until(lambda: told.exists() and told.read_text(), what="the tokenizer has started")
    assert told.read_text() == "the source"
    assert set((user.package / "__pycache__").iterdir()) == baited, "nothing is written there either"


@pytest.mark.skipif(shutil.which("minisign") is None, reason="minisign is not installed")
def test_a_signature_by_a_trusted_key_lets_it_in_and_a_change_keeps_it_from_starting(user):
    key = user.folder / "maker"
    trusted = user.config / "trusted.d"
    trusted.mkdir()
    subprocess.run(["minisign", "-G", "-W", "-p", f"{key}.pub", "-s", f"{key}.key"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["minisign", "-S", "-s", f"{key}.key", "-m", user.package / "SHA256SUMS"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["minisign", "-G", "-W", "-p", trusted / "other.pub", "-s", f"{key}.other"], check=True, stdout=subprocess.DEVNULL)
    assert ids(user.json("--require-signature", status=2)) == ["package.signature"]
    shutil.copy(f"{key}.pub", trusted / "maker.pub")
    told = user.corral("import", user.package, "--require-signature")
    assert "as SHA256SUMS says, which maker signed" in told.stdout
    change(user.package / LAYER)
    user.serve()
    model = wait_until(lambda: [one for one in json.loads(user.corral("status", "--json").stdout)["models"]
                                if "changed or replaced" in json.dumps(one)], what="the change is named")[0]
    assert model["state"] != "ready"

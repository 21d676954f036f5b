"""corral connect, as a person runs it: the difference, the file, the way back, the folder of all clients."""

import json
import subprocess

import pytest

from harness import BIN, Box


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("connect"), model='capabilities = ["completion", "tools"]') as running:
        yield running


@pytest.fixture
def connect(box, tmp_path):
    def run(*words, url=True):
        address = ["--url", f"http://127.0.0.1:{box.port}"] if url else []
        return subprocess.run([BIN / "corral", "connect", *words, *address], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})

    return run


def test_a_client_is_told_shown_and_taken_back(box, connect, tmp_path):
    file = tmp_path / ".config/opencode/opencode.json"
    file.parent.mkdir(parents=True)
    mine = b'// mine\r\n{\r\n\t"theme": "dark", // keep\r\n}\r\n'
    file.write_bytes(mine)
    printed = connect("opencode")
    assert printed.returncode == 0 and f"127.0.0.1:{box.port}/v1" in printed.stdout and file.read_bytes() == mine
    written = connect("opencode", "--write")
    assert written.returncode == 0, written.stderr
    assert '+ \t"provider": {' in written.stdout and "opencode --model corral/sim:latest" in written.stdout
    assert file.read_bytes().startswith(b'// mine\r\n{\r\n\t"theme": "dark", // keep')
    assert b'"output": ' in file.read_bytes() and b'"tool_call": true' in file.read_bytes()
    assert "nothing to change" in connect("opencode", "--write").stdout
    assert connect("opencode", "--undo").returncode == 0 and file.read_bytes() == mine
    again = connect("opencode", "--undo")
    assert again.returncode == 1 and "nothing to take back" in again.stderr


def test_all_clients_get_a_folder(box, connect, tmp_path):
    made = connect("--all", "--output", "told")
    assert made.returncode == 0, made.stderr
    names = [line.split()[0] for line in connect(url=False).stdout.splitlines()]
    assert len(names) == 14 and sorted(p.name for p in (tmp_path / "told").iterdir()) == sorted(names)
    for name in names:
        assert f"127.0.0.1:{box.port}" in (tmp_path / "told" / name / "README.txt").read_text(), name
    assert "sim:latest" in json.loads((tmp_path / "told/vscode/chatLanguageModels.json").read_text())[0]["models"][0]["id"]
    assert connect("--all", "--output", "told").returncode == 0


def test_what_can_t_be_done_is_said(connect):
    assert "did you mean 'codex'" in connect("codx").stderr
    assert "there is no model 'nosuch'" in connect("codex", "--model", "nosuch").stderr
    assert "is told by hand" in connect("n8n", "--write").stderr
    nobody = subprocess.run([BIN / "corral", "connect", "codex", "--url", "http://127.0.0.1:9"], capture_output=True, text=True, timeout=60)
    assert nobody.returncode == 1 and nobody.stderr.startswith("error: ")

"""corral connect, as a person runs it: the difference, the file, the way back, the folder of all clients."""

import http.server
import json
import re
import subprocess
import threading

import pytest

from harness import BIN, Box, free_port
from keyed_box import make_box
from running import own_address


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
    assert "is reached on this box only" in made.stderr and "reached" not in connect("zed").stderr


def test_a_box_that_listens_everywhere_is_told_by_an_address_of_its_own(tmp_path):
    port = free_port()
    everywhere = f"0.0.0.0:{port}"
    with Box(tmp_path, config=f'listen = "{everywhere}"\nallow_unauthenticated = true\n', listen=everywhere) as box:
        done = subprocess.run([BIN / "corral", "connect", "codex", "--config", box.config_file], capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    host = re.search(rf'base_url = "http://([\d.]+):{port}/v1"', done.stdout)[1]
    assert host != "0.0.0.0" and host == (own_address() or host)


def test_what_a_person_did_meanwhile_stays(connect, tmp_path):
    file = tmp_path / ".config/zed/settings.json"
    assert connect("zed", "--write").returncode == 0
    mine = file.read_text().replace("corral", "mine")
    file.write_text(mine)
    refused = connect("zed", "--undo")
    assert refused.returncode == 1 and "was changed since" in refused.stderr and file.read_text() == mine
    file.write_text('{ "theme": ')
    broken = connect("zed", "--write")
    assert broken.returncode == 1 and str(file) in broken.stderr and file.read_text() == '{ "theme": '


def test_a_key_opens_the_box_behind_tls_and_is_written_nowhere(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with make_box(tmp_path, tls=True) as keyed:
        def told(*words):
            return subprocess.run([BIN / "corral", "connect", *words, "--url", f"https://127.0.0.1:{keyed.port}"], capture_output=True,
                                  text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "HOME": str(home)})

        trusted = ["--ca-file", tmp_path / "tls/cert.pem"]
        for refused in (told("codex", "--key", keyed.key), told("codex", *trusted), told("codex", *trusted, "--key", "sk-corral-wrong")):
            assert refused.returncode == 1 and refused.stderr.startswith("error: ") and not refused.stdout
        done = told("codex", "--write", *trusted, "--key", keyed.key)
        assert done.returncode == 0, done.stderr
        assert "must trust the certificate" in done.stderr and "export CORRAL_API_KEY=YOUR_KEY" in done.stdout
        text = (home / ".codex/corral.config.toml").read_text()
        assert f'base_url = "https://127.0.0.1:{keyed.port}/v1"' in text and 'env_key = "CORRAL_API_KEY"' in text
        written = [p.read_text() for p in home.rglob("*") if p.is_file()]
        assert len(written) == 2 and not any(keyed.key in each for each in [*written, done.stdout, done.stderr])


@pytest.mark.parametrize("models, words, said", [
    ([], [], "error: "),
    ([("embed", False, "embedding")], [], "error: "),
    ([("embed", True, "embedding"), ("a:1b", False, "completion"), ("b:1b", True, "completion")], [], 'model = "b:1b"'),
    ([("a:1b", False, "completion"), ("b:1b", True, "completion")], ["--model", "a:1b"], 'model = "a:1b"'),
])
def test_the_model_is_the_named_one_or_one_that_is_loaded_and_writes(tmp_path, models, words, said):
    class Listing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"object": "list", "data": [
                {"id": name, "loaded": loaded, "capabilities": [can], "context_length": 2559} for name, loaded, can in models]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run([BIN / "corral", "connect", "codex", *words, "--url", f"http://127.0.0.1:{server.server_address[1]}"],
                              capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
        server.shutdown()
    assert said in done.stdout + done.stderr and (done.returncode == 0) == bool(done.stdout)


def test_what_can_t_be_done_is_said(connect):
    assert "did you mean 'codex'" in connect("codx").stderr
    assert "there is no model 'nosuch'" in connect("codex", "--model", "nosuch").stderr
    assert "is told by hand" in connect("n8n", "--write").stderr
    nobody = subprocess.run([BIN / "corral", "connect", "codex", "--url", "http://127.0.0.1:9"], capture_output=True, text=True, timeout=60)
    assert nobody.returncode == 1 and nobody.stderr.startswith("error: ")

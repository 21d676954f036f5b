"""corral connect, as a person runs it: the difference, the file, the way back, the folder of all clients."""

import http.server
import json
import re
import subprocess
import threading

import pytest

from admin_cli import done as done_there
from harness import BIN, Box, free_port
from keyed_box import make_box
from running import own_address

# What the programs that no test runs read, by their own pages and sources (docs/clients.md#sources): the keys of each object, by its
# place; "!" is one that the program wants.
FORMS = {
    "vscode/chatLanguageModels.json": {
        "[]": "!name:str !vendor:str apiType:str apiKey:str url:str !models:list settings:dict",
        "[].models[]": "!id:str !name:str !url:str !toolCalling:bool !vision:bool !maxInputTokens:int !maxOutputTokens:int "
                       "contextWindow:int apiType:str thinking:bool streaming:bool modelOptions:dict requestHeaders:dict",
    },
    "goose/custom_corral.json": {
        "": "!name:str !engine:str !display_name:str description:str api_key_env:str !base_url:str !models:list headers:dict "
            "timeout_seconds:int requires_auth:bool supports_streaming:bool base_path:str",
        ".models[]": "!name:str !context_limit:int resolved_model:str reasoning:bool",
    },
    "zed/settings.json": {
        "": "!language_models:dict",
        ".language_models": "!openai_compatible:dict",
        ".language_models.openai_compatible": "!corral:dict",
        ".language_models.openai_compatible.corral": "!api_url:str !available_models:list custom_headers:dict",
        ".language_models.openai_compatible.corral.available_models[]":
            "!name:str display_name:str !max_tokens:int max_output_tokens:int max_completion_tokens:int reasoning_effort:str capabilities:dict",
        ".language_models.openai_compatible.corral.available_models[].capabilities":
            "!tools:bool !images:bool !parallel_tool_calls:bool !prompt_cache_key:bool chat_completions:bool interleaved_reasoning:bool "
            "max_tokens_parameter:bool",
    },
    "frigate/README.txt": {
        "": "!genai",
        ".genai": "!corral",
        ".genai.corral": "!provider !base_url !model api_key roles provider_options runtime_options",
        ".genai.corral.provider_options": "options keep_alive",
        ".genai.corral.provider_options.options": "num_ctx",
    },
    "librechat/README.txt": {
        "": "!endpoints",
        ".endpoints": "!custom",
        ".endpoints.custom": "!name !apiKey !baseURL !models titleConvo titleModel modelDisplayLabel tokenConfig",
        ".endpoints.custom.models": "!default fetch",
        ".endpoints.custom.tokenConfig": "MODEL",
        ".endpoints.custom.tokenConfig.MODEL": "!prompt !completion !context",
    },
}


def json_places(tree, at=""):
    if isinstance(tree, list):
        for each in tree:
            yield from json_places(each, at + "[]")
    elif isinstance(tree, dict):
        yield at, {f"{key}:{type(value).__name__}" for key, value in tree.items()}
        for key, value in tree.items():
            yield from json_places(value, f"{at}.{key}")


def yaml_places(text):
    """Of such lines as `corral connect` prints: an object's keys in lines of their own or in braces."""
    found, outer = {}, []
    for blank, item, key, value in re.findall(r'^( *)(- )?"?(\w[\w:]*?)"?:(?: (.*))?$', text, re.MULTILINE):
        depth = len(blank + item)
        key = "MODEL" if key == "sim:latest" else key
        while outer and outer[-1][0] >= depth:
            outer.pop()
        place = outer[-1][1] if outer else ""
        found.setdefault(place, set()).add(key)
        outer.append((depth, f"{place}.{key}"))
        if value.startswith("{ "):
            found[f"{place}.{key}"] = set(re.findall(r"(\w+): ", value))
    return found.items()


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
    assert again.returncode == 1 and "nothing to undo" in again.stderr


def test_a_large_file_is_taken_back_too(connect, tmp_path):
    file = tmp_path / ".config/opencode/opencode.json"
    file.parent.mkdir(parents=True)
    mine = b'{"theme": "' + b'\\"' * 500_000 + b'"}'
    file.write_bytes(mine)
    assert connect("opencode", "--write").returncode == 0 and file.read_bytes() != mine
    undone = connect("opencode", "--undo")
    assert undone.returncode == 0 and file.read_bytes() == mine, undone.stderr


def test_a_folder_that_can_not_be_found_out_is_said(connect, tmp_path):
    done = connect("--all", "--output", "")
    assert done.returncode == 1 and "say it whole" in done.stderr, (done.returncode, done.stderr)


def test_all_clients_get_a_folder(box, connect, tmp_path):
    made = connect("--all", "--output", "told")
    assert made.returncode == 0, made.stderr
    names = [line.split()[0] for line in connect(url=False).stdout.splitlines()]
    assert len(names) == 14 and sorted(p.name for p in (tmp_path / "told").iterdir()) == sorted(names)
    for name in names:
        assert f"127.0.0.1:{box.port}" in (tmp_path / "told" / name / "README.txt").read_text(), name
    assert "a model that sees images, which this one doesn't" in (tmp_path / "told/frigate/README.txt").read_text()
    assert "sim:latest" in json.loads((tmp_path / "told/vscode/chatLanguageModels.json").read_text())[0]["models"][0]["id"]
    assert connect("--all", "--output", "told").returncode == 0
    assert "is reached on this box only" in made.stderr and "reached" not in connect("zed").stderr


@pytest.mark.parametrize("key", [[], ["--key-file", "key"]])
def test_each_file_has_the_keys_that_its_program_reads(connect, tmp_path, key):
    (tmp_path / "key").write_text("sk-corral-any\n")
    assert connect("--all", "--output", "told", *key).returncode == 0
    for file, form in FORMS.items():
        text = (tmp_path / "told" / file).read_text()
        found = dict(json_places(json.loads(text)) if file.endswith(".json") else yaml_places(text))
        assert set(found) == set(form), file
        for place, keys in found.items():
            wanted = form[place].split()
            assert keys <= {word.lstrip("!") for word in wanted}, (file, place)
            assert keys >= {word[1:] for word in wanted if word[0] == "!"}, (file, place)
        assert ("KEY" in text) == (bool(key) and not file.startswith(("vscode", "zed"))), file


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
        (tmp_path / "key").write_text(keyed.key + "\n")
        assert f"https://127.0.0.1:{keyed.port}" in done_there(keyed, "connect", "codex", "--key-file", tmp_path / "key")
        (tmp_path / "wrong").write_text("sk-corral-wrong\n")
        for refused in (told("codex", "--key-file", tmp_path / "key"), told("codex", *trusted),
                        told("codex", *trusted, "--key-file", tmp_path / "wrong")):
            assert refused.returncode == 1 and refused.stderr.startswith("error: ") and not refused.stdout
        assert told("codex", *trusted, "--key", keyed.key).returncode == 2, "other users read the words of a command"
        done = told("codex", "--write", *trusted, "--key-file", tmp_path / "key")
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
                {"id": name, "loaded": loaded, "capabilities": [can], **({"context_length": 2559} if loaded else {})} for name, loaded, can in models]}).encode()
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
    assert ("a:1b reads" in done.stderr and "4096 are assumed" in done.stderr) == ("--model" in words)


def test_what_can_t_be_done_is_said(connect):
    assert "did you mean 'codex'" in connect("codx").stderr
    assert "there is no model 'nosuch'" in connect("codex", "--model", "nosuch").stderr
    assert "is set up by hand" in connect("n8n", "--write").stderr
    nobody = subprocess.run([BIN / "corral", "connect", "codex", "--url", "http://127.0.0.1:9"], capture_output=True, text=True, timeout=60)
    assert nobody.returncode == 1 and nobody.stderr.startswith("error: ")

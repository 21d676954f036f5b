import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import MODEL, Box, end_all  # noqa: E402


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A model that thinks and calls tools; the prompt says what it answers."""
    with Box(tmp_path_factory.mktemp("box"), {"directives": True, "timing": {"tokens_per_second": 200}},
             model='capabilities = ["completion", "thinking", "tools"]', family="qwen3") as running:
        yield running


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A model for embeddings, whose vectors have 64 numbers."""
    with Box(tmp_path_factory.mktemp("vectors"), model='capabilities = ["embedding"]', profile="llama-server") as running:
        yield running


@pytest.fixture(scope="module")
def seeing(tmp_path_factory):
    """A model that sees."""
    with Box(tmp_path_factory.mktemp("seeing"), {"directives": True}, model='capabilities = ["completion", "vision"]',
             profile="vllm-ascend") as running:
        yield running


@pytest.fixture
def node(box, tmp_path):
    """Runs a script of JavaScript against the box: `base` and `model` are there for it, and what it returns comes back."""
    modules = pathlib.Path(os.environ["CORRAL_NODE_MODULES"])
    program = modules / ".bin" / "node"
    # Packages are found beside the script's folder.
    (tmp_path / "node_modules").symlink_to(modules)

    def run(imports, body, timeout=200, box=box):
        script = tmp_path / "case.mjs"
        script.write_text(f"{imports}\nconst base = 'http://127.0.0.1:{box.port}';\nconst model = {json.dumps(MODEL)};\n"
                          f"const out = await (async () => {{ {body} }})();\nconsole.log(JSON.stringify(out));\n")
        done = subprocess.run([str(program) if program.exists() else shutil.which("node"), script], capture_output=True, text=True,
                              timeout=timeout, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run


@pytest.fixture(autouse=True, scope="session")
def leave_nothing_running():
    yield
    end_all()

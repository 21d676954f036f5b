"""LiteLLM's proxy with the configuration of configs/litellm.yaml, in front of HAProxy and two boxes with simulated cards."""

import os
import pathlib
import subprocess
import sys

import openai
import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/e2e"))

from fleet_boxes import Member, RenderedEdge, is_ready  # noqa: E402
from harness import free_port, started, wait_until  # noqa: E402

KEY = "sk-only-for-this-test"


class Litellm:
    def __init__(self, folder, edge):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Nothing from outside: no price list, no database, no page.
        self.environment = {"LITELLM_MASTER_KEY": KEY, "CORRAL_URL": f"http://127.0.0.1:{edge.port}/v1", "CORRAL_KEY": "unused",
                            "LITELLM_LOCAL_MODEL_COST_MAP": "True", "DISABLE_ADMIN_UI": "True", "NO_DOCS": "True", "DO_NOT_TRACK": "1"}

    def __enter__(self):
        program = pathlib.Path(sys.executable).parent / "litellm"
        with open(self.folder / "litellm.log", "ab") as log:
            self.process = subprocess.Popen([program, "--config", SOURCE / "configs/litellm.yaml", "--host", "127.0.0.1", "--port",
                                             str(self.port), "--num_workers", "1"],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                                            env={**os.environ, **self.environment})
        started.append(self.process)
        wait_until(self.lives, 120, f"LiteLLM answers; see {self.folder / 'litellm.log'}")
        return self

    def lives(self):
        assert self.process.poll() is None, (self.folder / "litellm.log").read_text()[-4000:]
        try:
            return self.client().models.list()
        except openai.OpenAIError:
            return None

    def client(self, key=KEY, **more):
        return openai.OpenAI(base_url=self.url + "/v1", api_key=key, max_retries=0, timeout=60, **more)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    kind = {"model": 'capabilities = ["completion", "tools"]', "family": "qwen3"}
    with Member(folder / "one", **kind) as one, Member(folder / "two", **kind) as two:
        for box in (one, two):
            box.wait_ready()
            wait_until(lambda box=box: is_ready(box), what="its agent says so")
        with RenderedEdge(folder / "edge", [("one", one, 'models = ["sim"]'), ("two", two, 'models = ["sim"]')]) as edge:
            with Litellm(folder, edge) as proxy:
                yield one, two, edge, proxy

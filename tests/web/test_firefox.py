"""The page in Firefox ESR: the core path of firefox.mjs before a box that asks for keys."""

import json
import pathlib
import subprocess

import pytest

from conftest import PICTURES, WEB
from harness import BIN
from keyed_box import make_box

FIREFOX = pathlib.Path("/usr/bin/firefox-esr")
SIZES, PAGES = 2, 9


@pytest.mark.skipif(not FIREFOX.exists(), reason=f"there is no {FIREFOX}: install the package firefox-esr")
def test_the_core_path(tmp_path):
    made = make_box(tmp_path, family="qwen3", model='capabilities = ["completion", "thinking", "tools"]')
    key = subprocess.run([BIN / "corral", "key", "new", "operator", "--scope", "inference,observe,operate", "--file", tmp_path / "keys"],
                         check=True, capture_output=True, text=True).stdout.strip()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with made as box:
        box.kill("runtime")
        box.logged("ready.*event=service.ready")
        box.wait_ready()
        way = subprocess.run(["node", pathlib.Path(__file__).with_name("firefox.mjs"), WEB, f"http://127.0.0.1:{box.port}/ui", key, PICTURES],
                             capture_output=True, text=True, timeout=240)
    assert way.returncode == 0, way.stderr
    met = json.loads(way.stdout)
    print(met["browser"], met["pieces"])
    assert met["faults"] == []
    assert met["too_wide"] == []
    assert (met["edited"], met["found"]) == ("again", 1)
    assert (met["answer"], met["stopped"], len(met["pages"])) == ("hello", "yes", SIZES * PAGES)

"""The page of first steps, run word for word by a new user."""

import os
import re
import subprocess

from harness import BIN, ROOT, free_port, started, wait_until

PAGE = ROOT / "docs/first_steps.md"


def marked_blocks():
    """(mark, text) of every block below a comment that says how it is meant."""
    return re.findall(r"^<!-- (run|serve) -->\n```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def test_the_first_steps_lead_to_an_answer(tmp_path):
    port = free_port()
    config = tmp_path / "config/corral"
    config.mkdir(parents=True)
    # Only so that tests run side by side: another port, and the profiles of this tree.
    (config / "corral.toml").write_text(f'listen = "127.0.0.1:{port}"\nprofiles = ["{ROOT / "vendor"}"]\n')
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"),
                   "XDG_STATE_HOME": str(tmp_path / "state"), "PATH": f"{BIN}:{os.environ['PATH']}", "no_proxy": "*", "TERM": "dumb"}
    environment.pop("CORRAL_CONFIG", None)
    said = {}
    subprocess.run(["corral-sim", "package", str(tmp_path / "Qwen3-4B")], check=True, env=environment, stdout=subprocess.DEVNULL)
    log = tmp_path / "corral.log"
    daemon = None
    try:
        blocks = marked_blocks()
        assert [mark for mark, _ in blocks] == ["run", "run", "serve", "run", "run", "run"]
        for mark, text in blocks:
            if mark == "serve":
                with open(log, "ab") as out:
                    daemon = subprocess.Popen(text.split(), stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment)
                started.append(daemon)
                wait_until(lambda: "event=listening" in log.read_text(), what="corral listens")
                continue
            done = subprocess.run(["bash", "-e", "-c", text.replace("11434", str(port))], capture_output=True, text=True, timeout=120,
                                  env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, (text, done.stdout, done.stderr)
            said[text] = done.stdout
    finally:
        if daemon is not None:
            daemon.terminate()
            daemon.wait(timeout=60)
    whole = "\n".join(said.values())
    assert "qwen3:4b" in whole and '"done":true' in whole
    assert (tmp_path / "bench/report.html").read_text().startswith("<!doctype html>")


def test_each_line_of_the_published_reports_names_a_test_that_is_there():
    page = (ROOT / "docs/facts/other_runtimes.md").read_text().partition("## Published reports")[2]
    rows = re.findall(r"^\| [1-5] \|.*\| ([\w/]+): (`.*`) \|$", page, re.M)
    assert len(rows) == len(re.findall(r"^\| [1-5] \|", page, re.M)) > 20
    for suite, names in rows:
        text = (ROOT / f"tests/{suite}_test.cpp" if "/" in suite else ROOT / f"tests/e2e/test_{suite}.py").read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(def test_|TEST\w*\().*{name}", text, re.M), (suite, name)

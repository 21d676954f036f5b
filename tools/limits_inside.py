"""What tools/check_limits tries on its booted machine: two models, one of them under limits, with the packages as they come."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

MEMORY_MB, TASKS = 300, 200
HUNGRY = pathlib.Path("/run/hungry")
MANIFESTS = pathlib.Path("/etc/corral/models.d")
GROUPS = pathlib.Path("/sys/fs/cgroup/system.slice/corral.service")
DIED = f"reached its memory limit of {MEMORY_MB} MiB, and the kernel killed it"
MET_TASKS = "the model reached its limit of 16 processes and threads"


def sh(command, check=True, limit=240):
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False)
    assert not check or done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def wait_for(condition, what, limit=180):
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if seen := condition():
            return seen
        time.sleep(0.2)
    raise AssertionError(f"not within {limit} s: {what}")


@contextlib.contextmanager
def step(what):
    began = time.monotonic()
    notes = []
    yield notes
    print(f"{what}: {time.monotonic() - began:.1f} s{''.join('; ' + note for note in notes)}", flush=True)


def models():
    said = sh("corral status --json", check=False)
    return {one["name"].split(":")[0]: one for one in json.loads(said)["models"]} if said.startswith("{") else {}


def pids(model):
    return {service["name"]: service["pid"] for service in models()[model]["services"]}


def answers(model):
    said = sh(f"""corral run {model} hello 2>&1""", check=False)
    return said.strip() and "rror" not in said


def main_pid():
    return sh("systemctl show -P MainPID corral").strip()


def told(words):
    return sh(f"journalctl -b -u corral --no-pager -o cat | grep -c '{words}'", check=False).strip()


def limited_group():
    """That of the model under limits, by its name; nobody else's may be there."""
    daemon = main_pid()
    found = [each for each in GROUPS.glob("corral-*") if each.is_dir()]
    strangers = [each.name for each in found if not each.name.startswith(f"corral-{daemon}-")]
    assert not strangers, f"groups of a Corral that is gone: {strangers}"
    return next(each for each in found if f"-m{MEMORY_MB << 20}.t{TASKS}." in each.name)


def check_in_force():
    group = limited_group()
    assert int((group / "memory.max").read_text()) == MEMORY_MB << 20 and int((group / "pids.max").read_text()) == TASKS, group
    inside = {int(pid) for file in group.rglob("cgroup.procs") for pid in file.read_text().split()}
    assert set(pids("limited").values()) <= inside, f"{pids('limited')} and {inside}"
    return group.name


def eat_memory():
    """The runtime dies alone, the cause is named, and it is started again."""
    before, beside, daemon, said = pids("limited"), pids("free"), main_pid(), int(told(DIED))
    (HUNGRY / "memory").touch()
    wait_for(lambda: int(told(DIED)) > said, "the cause is named")
    (HUNGRY / "memory").unlink()
    assert answers("free"), "the other model"
    wait_for(lambda: answers("limited"), "an answer after it")
    after = pids("limited")
    assert main_pid() == daemon and pids("free") == beside, "others died with it"
    assert after["runtime"] != before["runtime"], "the runtime lives"
    return "tokenizer service " + ("the same" if after["tokenizer"] == before["tokenizer"] else "another")


def multiply():
    """Processes that fork as fast as they can, each in a session of its own: none is left, and nobody else notices."""
    beside, daemon, group = pids("free"), main_pid(), limited_group()
    (HUNGRY / "forks").touch()
    wait_for(lambda: int((group / "pids.current").read_text()) >= TASKS - 1, "the limit of tasks is met")
    (HUNGRY / "forks").unlink()
    assert answers("free"), "the other model"
    met = time.monotonic()
    sh("corral restart limited", check=False)
    wait_for(lambda: answers("limited"), "an answer after it")
    came_back = time.monotonic() - met
    assert main_pid() == daemon and pids("free") == beside, "others died with it"
    assert int((limited_group() / "pids.current").read_text()) < TASKS / 2, "some of them are left"
    return f"served again after {came_back:.1f} s"


def kernel_tests(program):
    """Those of the room that makes the groups, in the root of all groups, where a test may divide its own."""
    with step("what the kernel says of memory and tasks") as notes:
        pathlib.Path("/sys/fs/cgroup/cgroup.procs").write_text(str(os.getpid()))
        said = sh(f"cd /; {program} --gtest_filter='real_limits*:real_base*:real_groups*'", check=False)
        last = re.search(r"\[  PASSED  \] (\d+) tests?\.", said)
        assert last and "SKIPPED" not in said and "FAILED" not in said, said
        notes.append(f"{last[1]} tests")


def set_up():
    with step("two models, one of them under limits") as notes:
        HUNGRY.mkdir()
        sh("corral-sim package /srv/models/sim --layers 4")
        for name in ("free", "limited"):
            sh(f"corral import /srv/models/sim --name {name}")
        manifest = MANIFESTS / "limited-latest.toml"
        # The import's manifest ends in the variables of the runtime; the guard of ports is preloaded too.
        text = manifest.read_text().replace("[services.runtime]\n", '[services.runtime]\nguard = "off"\n')
        manifest.write_text(f'{text}LD_PRELOAD = "/usr/lib/hungry.so"\n\n[limits]\nmemory_mb = {MEMORY_MB}\ntasks = {TASKS}\n')
        sh("corral reload")
        wait_for(lambda: any(GROUPS.glob(f"corral-*-m{MEMORY_MB << 20}.*")), "the group of the model")
        wait_for(lambda: answers("limited") and answers("free"), "an answer of both")
        notes.append(check_in_force())
    return manifest


def trials():
    wait_for(lambda: models() or "models" in sh("corral status --json", check=False), "Corral runs")
    manifest = set_up()
    with step("a runtime that eats memory") as notes:
        notes.append(eat_memory())
    with step("a killed Corral, and the same again") as notes:
        daemon = main_pid()
        sh(f"kill -9 {daemon}")
        wait_for(lambda: main_pid() not in ("0", daemon) and answers("limited"), "it serves again")
        check_in_force()
        notes.append(eat_memory())
    with step("an upgrade in place, and the same again") as notes:
        before = pids("limited")
        sh("corral upgrade")
        wait_for(lambda: answers("limited"), "an answer after it")
        assert pids("limited") == before, "the model was loaded anew"
        check_in_force()
        notes.append(eat_memory())
    with step("a runtime that forks without end") as notes:
        notes.append(multiply())
    with step("a start that meets the limit of tasks"):
        (HUNGRY / "threads").touch()
        manifest.write_text(manifest.read_text().replace(f"tasks = {TASKS}", "tasks = 16"))
        sh("corral reload")
        wait_for(lambda: int(told(MET_TASKS)) > 0, "the cause is named")
        assert answers("free"), "the other model"
        (HUNGRY / "threads").unlink()
    print(sh(f"journalctl -b -u corral --no-pager -o cat | grep -E '{DIED}|{MET_TASKS}' | grep -v bundle | sed -n '1p;$p'").strip())


def main():
    try:
        tests = pathlib.Path("/root/tests")
        if tests.exists():
            kernel_tests(tests.read_text())
        trials()
    except Exception as why:
        print(f"FAILED: {why}\n{sh('corral status; journalctl -b -u corral --no-pager -o cat | tail -n 60', check=False)}", flush=True)
        sys.exit(1)
    print("all of it held", flush=True)


main()

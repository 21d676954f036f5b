"""What the person who runs Corral does with it while clients use it: upgrade in place, reload, stop, start, restart. Rows of the
table in faults.py; each function is an `inject`, a `heal` or a `check` of one. Alone in its step each must do all of its work; beside
another fault it may be refused or fail, but must come to an end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time

import admin_cli
import harness
from violation import Violation

UPGRADE_LIMIT = 6  # seconds; a slow client's answer may take longer, and then the upgrade is given up
PATIENCE = 30  # seconds for one command


def ask(stage, *words):
    """`corral WORDS`, ended."""
    try:
        return admin_cli.corral(stage.box, *words, timeout=PATIENCE * stage.slack)
    except subprocess.TimeoutExpired:
        raise Violation("operator", f"`corral {' '.join(words)}` comes to no end") from None


# -- upgrade ----------------------------------------------------------------------------------------------------------


def services(stage):
    return {name: stage.box.pid_of(name) for name in ("tokenizer", "runtime")}


def upgrade(stage, args):
    """To the same program."""
    held = {"log": stage.log_size(), "services": services(stage)}
    os.kill(stage.box.process.pid, signal.SIGUSR2)
    return held


def under_way(stage):
    """Whether an upgrade is; None where there is no answer, as while one image takes the other's place."""
    told = ask(stage, "status", "--json")
    return json.loads(told.stdout)["upgrade"]["under_way"] if told.returncode == 0 else None


def await_over(stage):
    deadline = time.monotonic() + (UPGRADE_LIMIT + PATIENCE) * stage.slack
    while (now := under_way(stage)) is not False:
        if time.monotonic() > deadline:
            raise Violation("upgrade", f"an upgrade comes to no end ({'nobody answers' if now is None else 'it is under way'})")
        stage.pause(0.05)


def check_upgrade(stage, args, held):
    """Done, or given up because a client took long; the services are the same in both cases."""
    await_over(stage)
    if not stage.alone:
        return
    text = stage.log_from(held["log"])
    given_up = re.findall(r".*the upgrade was given up.*", text)
    if not given_up and "event=upgrade.done" not in text:
        raise Violation("upgrade", f"nothing became of an upgrade:\n{text[-3000:]}")
    if given_up and "did not end within" not in given_up[0]:
        raise Violation("upgrade", f"an upgrade was given up for no good reason: {given_up[0]}")
    check_same_services(stage, held["services"], "upgrade")


def check_same_services(stage, before, kind):
    """But where a client costs the runtime its process: by leaving, or by asking for another model."""
    now = services(stage)
    if now != before and stage.keeps_processes:
        raise Violation(kind, f"services have other processes: {before} before, {now} after")


# -- reload -----------------------------------------------------------------------------------------------------------

FILES = {
    "same": lambda text: text,
    "unknown key": lambda text: "nonsense = 1\n" + text,
    "no TOML": lambda text: text + "\n[[",
    "another queue": lambda text: "max_queue = 100\n" + text,
}


def ask_for_reload(stage, name):
    """With this file; what the log says of it, or None when it says nothing in time."""
    stage.write_config(FILES[name](stage.config))
    before = stage.log_size()
    os.kill(stage.box.process.pid, signal.SIGHUP)
    deadline = time.monotonic() + (10 if stage.alone else 1) * stage.slack  # beside a full disk the log says nothing
    while time.monotonic() < deadline:
        if told := re.search(r"the configuration was (not )?reloaded.*", stage.log_from(before)):
            return told
        stage.pause(0.01)
    return None


def reload(stage, args):
    """A file with a mistake is put right as soon as it was read, for a start would fail at it rightly."""
    held = services(stage)
    told = ask_for_reload(stage, args["file"])
    good = args["file"] in ("same", "another queue")
    if not good:
        stage.write_config(stage.config)
    if stage.alone and (told is None or bool(told[1]) == good):
        raise Violation("reload", f"of a reload ({args['file']}) the log says: {told and told[0]}")
    return held


def reload_again(stage, args, _):
    """The file as it was."""
    if args["file"] == "another queue":
        told = ask_for_reload(stage, "same")
        if stage.alone and (told is None or told[1]):
            raise Violation("reload", f"of the second reload the log says: {told and told[0]}")


def check_reload(stage, args, held):
    if stage.alone:
        check_same_services(stage, held, "reload")


# -- stop, start, restart ---------------------------------------------------------------------------------------------


def stop_model(stage, args):
    """The command waits for running answers, and goes on beside the next faults."""
    command = [harness.BIN / "corral", "stop", "sim", "--config", stage.box.config_file, *(["--now"] if args["now"] else [])]
    asked = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env={**os.environ, "XDG_STATE_HOME": str(stage.box.folder / "state-home")})
    harness.started.append(asked)
    return asked


def start_model(stage, args, asked):
    """Also while it still stops."""
    stopped = asked.poll() is not None
    if stopped and stage.alone:
        if asked.returncode != 0:
            raise Violation("operator", f"`corral stop` says: {asked.stdout.read()}")
        if left := [pid for pid in services(stage).values() if pid]:
            raise Violation("operator", f"of a stopped model there are the processes {left}")
    start(stage)
    try:
        asked.communicate(timeout=PATIENCE * stage.slack)
    except subprocess.TimeoutExpired:
        raise Violation("operator", "`corral stop` comes to no end after a start") from None
    harness.started.remove(asked)
    if asked.returncode == 0:
        start(stage)  # the stop may have been heard after the start


def start(stage):
    deadline = time.monotonic() + PATIENCE * stage.slack
    while (told := ask(stage, "start", "sim")).returncode != 0:
        if stage.alone or time.monotonic() > deadline:
            raise Violation("operator", f"`corral start` says: {told.stdout}{told.stderr}")
        stage.pause(0.05)


def restart_services(stage, args):
    before = services(stage)
    told = ask(stage, "restart", args["what"])
    if stage.alone and told.returncode != 0:
        raise Violation("operator", f"`corral restart {args['what']}` says: {told.stdout}{told.stderr}")
    return before


def check_restarted(stage, args, before):
    """Another runtime; what was not named, and depends on nothing that was, is as before."""
    if not stage.alone:
        return
    now = services(stage)
    tokenizer_stays = args["what"].endswith("/runtime")
    if now["runtime"] == before["runtime"] and args["what"].endswith(("sim", "/runtime")):
        raise Violation("operator", f"`corral restart {args['what']}` left process {now['runtime']} in its place")
    if before["tokenizer"] and (now["tokenizer"] == before["tokenizer"]) != tokenizer_stays:
        raise Violation("operator", f"after `corral restart {args['what']}` the tokenizer is process {now['tokenizer']}, "
                        f"before it was {before['tokenizer']}")

"""Faults of the machine around Corral: full disks, a file size limit, a wall clock that jumps, ports that others take.
Rows of the table in faults.py; each function is an `inject` or a `heal` of one."""

from __future__ import annotations

import contextlib
import datetime
import email.utils
import os
import resource
import signal
import socket
import subprocess
import time

import harness
from violation import Violation

HOUR, DAY = 3600, 86400
JUMPS = [5 * HOUR, -5 * HOUR, 400 * DAY, -400 * DAY, 30 * 365 * DAY]
PATIENCE = 3  # seconds for one question of a fault's own; with another fault there may be no answer
GOING = 10  # seconds for the stop of a model, running answers included
KEEP_ALIVE = HOUR  # of the model under test, which /api/ps turns into a time of the wall clock


# -- disks ------------------------------------------------------------------------------------------------------------


def fill_log(stage, args):
    stage.log_disk.fill()


def log_again(stage, args, _):
    stage.log_disk.empty()


def make_variant(stage, name):
    """The answer to the wish to keep a model of one's own, or None when there was none."""
    with contextlib.suppress(OSError, ValueError):
        reply = stage.box.post("/api/create", {"model": name, "from": "sim", "system": "You are a clerk.", "stream": False},
                               timeout=PATIENCE)
        return reply.status, reply.json
    return None


def listed(stage, name):
    with contextlib.suppress(OSError, ValueError):
        return f"{name}:latest" in [each["name"] for each in stage.box.request("GET", "/api/tags", timeout=PATIENCE).json["models"]]
    return None


def fill_state(stage, args):
    stage.state_disk.fill()
    if args["kill"]:
        stage.signal("runtime", "SIGKILL")
    answer = make_variant(stage, "unkept")
    if answer and (answer[0] < 500 or not answer[1].get("error")):
        raise Violation("disk", f"with a full disk a model was made: {answer}")
    if listed(stage, "unkept"):
        raise Violation("disk", "a model that could not be kept is listed")


def state_again(stage, args, _):
    stage.state_disk.empty()
    if not stage.alone:
        return  # another fault may rightly keep this from working
    answer = make_variant(stage, "kept")
    if not answer or answer[0] != 200 or listed(stage, "kept") is not True:
        raise Violation("disk", f"with room on the disk again no model can be made: {answer}")
    gone = stage.box.request("DELETE", "/api/delete", {"model": "kept"})
    if gone.status != 200 or listed(stage, "kept"):
        raise Violation("disk", f"a model can't be deleted: {gone.status} {gone.body[:200]}")


def limit_file_size(stage, args):
    """As LimitFSIZE= of a unit, or a disk quota: no file of Corral grows beyond what its log has now."""
    pid = stage.box.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (stage.box.log_file.stat().st_size, before[1]))
    return pid, before


def file_size_again(stage, args, held):
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(held[0], resource.RLIMIT_FSIZE, held[1])


# -- the wall clock ---------------------------------------------------------------------------------------------------


def seen_times(stage):
    """What Corral tells of the time, in seconds since 1970: (its Date, expiry of the loaded model or None), or None."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        reply = stage.box.request("GET", "/api/ps", timeout=PATIENCE)
        date = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp()
        models = reply.json["models"]
        # Nanoseconds are more digits than Python reads.
        end = datetime.datetime.fromisoformat(models[0]["expires_at"].split(".")[0].rstrip("Z") + "+00:00") if models else None
        return date, end and end.timestamp()
    return None


def check_time(stage, offset):
    """The expiry of a model that is just being stopped is now, so it may be wrong for as long as that takes."""
    end = time.monotonic() + GOING
    while (told := seen_times(stage)) is not None:
        date, expires = told
        wanted = time.time() + offset
        if abs(date - wanted) > 30:
            raise Violation("clock", f"the clock was set to {wanted:.0f}, and Corral says {date:.0f}")
        if expires is None or abs(expires - wanted - KEEP_ALIVE) <= 120:
            return
        if time.monotonic() > end:
            raise Violation("clock", f"at {wanted:.0f} a model that stays for {KEEP_ALIVE} s is said to go at {expires:.0f}")
        time.sleep(0.1)


def jump(stage, args):
    stage.clock.set(args["seconds"])
    check_time(stage, args["seconds"])


def jump_back(stage, args, _):
    stage.clock.set(0)
    check_time(stage, 0)


# -- ports ------------------------------------------------------------------------------------------------------------


def share_port(stage, args):
    """A process of the same user on the runtime's port: it listens and never answers."""
    thief = socket.socket()
    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        thief.bind(("127.0.0.1", stage.port_of("runtime")))
        thief.listen()
    except OSError:
        thief.close()
        return None
    return thief


def take_port(stage, args):
    """The port is gone when the runtime comes again; its new owner takes connections and never answers."""
    port = stage.port_of("runtime")
    stage.signal("runtime", "SIGKILL")
    for _ in range(100):
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
            holder.listen()
            return holder
        except OSError:
            holder.close()
            stage.pause(0.002)
    return None


def close_all(stage, args, held):
    for one in held if isinstance(held, list) else [held] if held else []:
        one.close()


def swap_tokenizer(stage, args):
    """Somebody else's tokenizer service answers at the port of ours, which is dead. Corral sleeps meanwhile: awake it would be
    quicker."""
    state = stage.control("tokenizer", cmd="state")
    if not state or "port" not in state:
        return None
    pid = stage.box.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        stage.signal("tokenizer", "SIGKILL")
        other = subprocess.Popen([harness.BIN / "corral-sim", "tokenizer", "--host", "127.0.0.1", "--port", str(state["port"])],
                                 env={"CORRAL_SIM_FAMILY": args["family"]}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        harness.started.append(other)
        for _ in range(400):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", state["port"]), 1):
                break
            stage.pause(0.005)
    finally:
        os.kill(pid, signal.SIGCONT)
    return other


def end_other_tokenizer(stage, args, other):
    if other is not None:
        other.kill()
        other.wait()
        harness.started.remove(other)


def crowd(stage, args):
    """Idle connections to Corral, some with half a request."""
    held = []
    for number in range(args["connections"]):
        with contextlib.suppress(OSError):
            one = socket.create_connection(("127.0.0.1", stage.box.port), 5)
            held.append(one)
            if number % 3 == 0:
                one.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Le")
    return held


def fill_vendor_pool(stage, args):
    """F18 from outside: its worker threads are all held by idle connections."""
    held = []
    for _ in range(8):
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", stage.port_of("runtime")), 2))
    return held

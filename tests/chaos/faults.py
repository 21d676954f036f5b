"""Everything that can go wrong, and how to make it go wrong: a table. Arguments are drawn when the plan is made; nothing here
decides anything at run time.

`answers` says what may become of a whole answer while the fault is there:
  exact   what comes is right, or it ends with an error
  gaps    the device or the runtime spoils the answer itself: own words only, some missing or strange
`within` is how long after the fault is over, at most and beside a load, the service may take until it answers again."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import signal
from typing import Callable

import device_faults as device
import harness
import machine_faults as machine
import operator_faults as operator

# The clocks of the model under test; docs/reliability.md.
CALL, RESET, STALL, SCRUB, START_STALL = 2, 3, 2, 2, 3
TAP_HOLD = 9  # the tap answers for a silent tokenizer after this

RUNTIME_ROUTES = ["/api/reset", "/api/generate", "/api/generate_provider", "/api/stop"]
TOKENIZER_ROUTES = ["/encode", "/decode", "/reset"]
DEATHS = ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM"]


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    rows: str  # of the failure catalogue
    draw: Callable  # dice -> arguments
    inject: Callable  # stage, arguments -> what heal() needs
    heal: Callable | None = None  # stage, arguments, what inject() gave
    check: Callable | None = None  # the same, when the step's clients have their answers and all is ready again
    answers: str = "exact"
    within: float = 4.0
    weight: int = 2
    ends_corral: bool = False  # connections may break without an answer
    calm: bool = False  # alone it is no reason for any error at a client
    heals_last: bool = False  # after the other fault of its step, which could keep it from it
    needs: str = ""  # what the stage must have: "disk" (a small one of its own), "clock" (one that can be set)


# -- signals ----------------------------------------------------------------------------------------------------------


def draw_death(dice):
    return {"signal": dice.choice(DEATHS), "amid": dice.choice([True, False])}


def kill(*services):
    """`amid`: while a model gives its answer, if it does so soon."""

    def inject(stage, args):
        if args["amid"]:
            stage.await_phase("decode", 0.8)
        for service in services:
            stage.signal(service, args["signal"])

    return inject


def stop_process(service):
    def inject(stage, args):
        return stage.signal(service, "SIGSTOP")

    return inject


def continue_process(stage, args, pid):
    if pid is not None and stage.is_mine(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def kill_warden(stage, args):
    pid = stage.warden()
    if pid:
        os.kill(pid, signal.SIGKILL)


def freeze_corral(stage, args):
    os.kill(stage.box.process.pid, signal.SIGSTOP)
    stage.pause(args["ms"] / 1000)
    os.kill(stage.box.process.pid, signal.SIGCONT)


def crash_corral(stage, args):
    stage.box.process.kill()
    stage.box.process.wait()
    stage.begin_corral()


def restart_corral(stage, args):
    stage.end_corral()
    stage.begin_corral()


# -- faults of the simulator ------------------------------------------------------------------------------------------


def switch(service, fault):
    """On, as `on` of the arguments says; an armed one that never fired is switched off in the end."""

    def inject(stage, args):
        stage.control(service, cmd="fault", name=fault, on=args.get("on", True),
                      args={k: v for k, v in args.items() if k != "on"})

    def heal(stage, args, _):
        stage.control(service, cmd="fault", name=fault, on=False, args={})

    return inject, heal


def simulated(service, fault, rows, draw, **more):
    inject, heal = switch(service, fault)
    return Fault(f"{service}.{fault}", rows, draw, inject, heal, **more)


def draw_on(dice):
    return dice.choice(["once", "once", 2, 3, True])


def on_routes(routes, more=None):
    return lambda dice: {"on": draw_on(dice), "route": dice.choice(routes), **(more(dice) if more else {})}


def in_phase(phases, deaths=True):
    def draw(dice):
        args = {"on": "once", "phase": dice.choice(phases), "after": dice.choice([0, 0, 1, 4])}
        return {**args, "signal": dice.choice(["SEGV", "ABRT", "KILL"])} if deaths else args

    return draw


def constant(**args):
    return lambda dice: dict(args)


def replies(service, routes, within):
    """Answers that are late, cut, empty, nonsense or missing."""
    status = lambda dice: {"status": dice.choice([400, 404, 500, 503])}
    level = lambda dice: {"level": dice.choice(["body", "http"])}
    late = lambda dice: {"ms": dice.choice([50, 300, 900])}
    rows = "F4-F8" if service == "tokenizer" else "-"
    return [
        simulated(service, "drop_reply", rows, on_routes(routes), within=within),
        simulated(service, "truncated_reply", rows, on_routes(routes), within=within),
        simulated(service, "garbage_reply", rows, on_routes(routes, level), within=within),
        simulated(service, "status_reply", rows, on_routes(routes, status), within=within),
        simulated(service, "empty_reply", rows, on_routes(routes), within=within),
        simulated(service, "slow_reply", "F6", on_routes(routes, late), within=within),
        simulated(service, "hang", "F7 F16", on_routes(routes), within=within + TAP_HOLD),
    ]


# -- faults of a start: from the scenario file, which a new process reads --------------------------------------------


def at_start(fault, rows, service="runtime", draw=None, within=3.0, **fixed):
    """The next start, and each one until the heal, meets the fault."""

    def inject(stage, args):
        stage.write_scenario({fault: {"on": True, "args": {**fixed, **args}}})
        stage.signal(service, "SIGKILL")

    def heal(stage, args, _):
        stage.write_scenario({})

    return Fault(f"start.{service}.{fault}" + "".join(f".{v}" for v in fixed.values()), rows, draw or constant(), inject, heal,
                 within=within, weight=1)


# -- the machine around it --------------------------------------------------------------------------------------------


def no_descriptors(stage, args):
    pid = stage.box.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + args["left"], before[1]))
    return before


def descriptors_again(stage, args, before):
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(stage.box.process.pid, resource.RLIMIT_NOFILE, before)


HANG = CALL + SCRUB + 3
# A lost card is looked at again and again; a look that began just before its return may take the tool's whole time first.
LOST = device.LOOK + device.TOOL + 2

FAULTS = [
    Fault("nothing", "-", constant(), lambda stage, args: None, weight=4, calm=True),
    Fault("kill.runtime", "F4 F10 F12", draw_death, kill("runtime"), weight=12),
    Fault("kill.tokenizer", "F1", draw_death, kill("tokenizer"), weight=8),
    Fault("kill.both", "F1", draw_death, kill("tokenizer", "runtime"), weight=4),
    Fault("kill.warden", "-", constant(), kill_warden, weight=2),
    Fault("stop.runtime", "F16", constant(), stop_process("runtime"), continue_process, weight=4, within=HANG + STALL + RESET),
    Fault("stop.tokenizer", "F7", constant(), stop_process("tokenizer"), continue_process, weight=3, within=HANG + TAP_HOLD),
    Fault("stop.corral", "-", lambda dice: {"ms": dice.choice([100, 700, 2500])}, freeze_corral, weight=3, within=HANG),
    Fault("crash.corral", "-", constant(), crash_corral, weight=1, within=6, ends_corral=True),
    Fault("restart.corral", "-", constant(), restart_corral, weight=1, within=6, ends_corral=True),

    simulated("runtime", "kill_at", "F4 F7 F10-F12 F14", in_phase(["reset", "encode", "prefill", "decode"]), weight=8),
    simulated("runtime", "freeze", "F16", in_phase(["reset", "encode", "prefill", "decode"], False), weight=4,
              within=HANG + STALL + RESET),
    *replies("runtime", RUNTIME_ROUTES, HANG),
    simulated("runtime", "early_done", "-", lambda dice: {"on": draw_on(dice), "ms": dice.choice([30, 200, 400])}),
    simulated("runtime", "swallow_generate", "-", lambda dice: {"on": draw_on(dice)}),
    simulated("runtime", "swallow_reset", "-", lambda dice: {"on": draw_on(dice)}),
    simulated("runtime", "stop_lost", "-", lambda dice: {"on": draw_on(dice)}, within=HANG),
    simulated("runtime", "busy", "F21", lambda dice: {"on": dice.choice(["once", 3, True])}, within=HANG),
    simulated("runtime", "stale_text", "F22", constant(text="mark-9999x9- stale", now=False)),
    simulated("runtime", "context_full", "F9", lambda dice: {"on": draw_on(dice)}),
    simulated("runtime", "decode_failed", "F2b F5", lambda dice: {"on": dice.choice(["once", 2])}, answers="gaps", within=HANG),
    simulated("runtime", "engine_error", "F15", lambda dice: {"on": "once", "after": dice.choice([0, 5]),
                                                              "text": dice.choice(["garbage", "empty"])}, answers="gaps",
              within=HANG),
    simulated("runtime", "device_hang", "F16", lambda dice: {"phase": dice.choice(["reset", "prefill", "decode"]),
                                                             "after": dice.choice([0, 3])}, within=HANG + RESET + STALL),
    simulated("runtime", "device_slow", "-", lambda dice: {"factor": dice.choice([3, 10])}, within=HANG),
    simulated("runtime", "never_end", "-", constant(), answers="gaps"),
    simulated("runtime", "first_token_eos", "-", lambda dice: {"on": draw_on(dice)}, answers="gaps"),
    simulated("runtime", "block_pool", "F18", lambda dice: {"on": "once", "ms": dice.choice([500, 1500, 5000])}, within=HANG + 5),

    simulated("tokenizer", "kill_at", "F1 F4 F7", in_phase(["encode", "decode", "reset"]), weight=6),
    simulated("tokenizer", "freeze", "F7", in_phase(["encode", "decode", "reset"], False), within=HANG + TAP_HOLD),
    *replies("tokenizer", TOKENIZER_ROUTES, HANG),
    simulated("tokenizer", "forget_uids", "F2 F2b", constant(), weight=3),
    simulated("tokenizer", "unknown_uid", "F2", on_routes(TOKENIZER_ROUTES), within=HANG),
    simulated("tokenizer", "mute", "F13", constant(), weight=3),
    simulated("tokenizer", "foreign_id", "-", on_routes(["/encode", "/reset"])),

    at_start("kill_at", "F14", phase="start"),
    at_start("kill_at", "F14", phase="load"),
    at_start("kill_at", "F14", phase="ready"),
    at_start("kill_at", "F1", service="tokenizer", phase="start"),
    at_start("freeze", "F16", phase="load", within=START_STALL + 3),
    at_start("start_axcl_init", "start"),
    at_start("start_loader", "start"),
    at_start("start_no_device", "start"),
    at_start("start_set_device", "start"),
    at_start("start_handshake", "start", within=4.0),
    at_start("start_layer_missing", "F14", within=HANG),
    at_start("start_layer_lfs", "F14", within=HANG),
    at_start("start_post_missing", "start"),
    at_start("start_post_lfs", "start"),
    at_start("start_embed_missing", "start"),
    at_start("start_embed_size", "start"),
    at_start("start_post_config", "start", kind="syntax"),
    at_start("start_stall", "start", within=START_STALL + 3),
    at_start("start_port_taken", "F17"),

    Fault("port.shared", "F17", constant(), machine.share_port, machine.close_all, within=HANG + 4),
    Fault("port.taken", "F17", constant(), machine.take_port, machine.close_all, within=HANG),
    Fault("tokenizer.swapped", "F1 F2", lambda dice: {"family": dice.choice(["qwen2.5", "qwen3", "plain"])}, machine.swap_tokenizer,
          machine.end_other_tokenizer, weight=3, within=HANG + TAP_HOLD),
    Fault("disk.full.log", "-", constant(), machine.fill_log, machine.log_again, weight=3, needs="disk"),
    Fault("disk.full.state", "-", lambda dice: {"kill": dice.choice([True, False])}, machine.fill_state, machine.state_again,
          weight=3, needs="disk"),
    Fault("disk.limit", "-", constant(), machine.limit_file_size, machine.file_size_again),
    Fault("clock.jump", "-", lambda dice: {"seconds": dice.choice(machine.JUMPS)}, machine.jump, machine.jump_back, weight=4,
          needs="clock"),
    Fault("descriptors.none", "-", lambda dice: {"left": dice.choice([0, 1, 3])}, no_descriptors, descriptors_again, weight=3,
          within=HANG),
    Fault("crowd", "-", lambda dice: {"connections": dice.choice([20, 100])}, machine.crowd, machine.close_all),
    Fault("vendor.pool.full", "F18", constant(), machine.fill_vendor_pool, machine.close_all, within=HANG + 5),

    Fault("device.lost", "start", device.draw_tool_fault, device.tool_fault("no_card"), device.well_again_and_nothing_was_started,
          within=LOST),
    Fault("device.hang", "start", device.draw_tool_fault, device.tool_fault("hang"), device.well_again_and_nothing_was_started,
          within=LOST),
    Fault("device.garbage", "start", lambda dice: {**device.draw_tool_fault(dice), "how": dice.choice(["garbage", "fail"])},
          device.tool_fault("garbage"), device.well_again, weight=1, within=LOST),
    # Missing memory is looked at every second.
    Fault("device.slow_memory", "F14", lambda dice: {"ms": dice.choice([300, 2000, -1])}, device.slow_memory, device.memory_again,
          weight=3, within=1 + device.TOOL + 2),

    # Given up when it takes longer than its limit; with other faults a model may be started anew behind that.
    Fault("upgrade", "-", constant(), operator.upgrade, check=operator.check_upgrade, weight=8, within=operator.UPGRADE_LIMIT + 4,
          calm=True),
    Fault("reload", "-", lambda dice: {"file": dice.choice(list(operator.FILES))}, operator.reload, operator.reload_again,
          operator.check_reload, weight=4, calm=True),
    # The start may find it still stopping: the running answer ends first.
    Fault("stop_start", "-", lambda dice: {"now": dice.choice([True, False])}, operator.stop_model, operator.start_model, weight=4,
          within=HANG, heals_last=True),
    Fault("restart.services", "-", lambda dice: {"what": dice.choice(["sim", "sim/runtime", "sim/tokenizer"])},
          operator.restart_services, check=operator.check_restarted, weight=3, within=HANG),
]

BY_NAME = {fault.name: fault for fault in FAULTS}

# Of the paths that ask for an answer, in whole or in part: /v1/chat/completions, /completion, /rkllm_chat; "": any, probes too.
CHAT_ROUTES = ["complet", "chat", ""]


def in_answer(dice):
    return {"on": "once", "after": dice.choice([0, 1, 7])}


# A server that streams its answers itself, without a tokenizer service; its card is not played.
STREAMING = [
    *(BY_NAME[name] for name in (
        "nothing", "kill.runtime", "kill.warden", "stop.runtime", "stop.corral", "crash.corral", "restart.corral", "runtime.kill_at",
        "runtime.freeze", "runtime.busy", "runtime.device_hang", "runtime.device_slow", "runtime.never_end", "runtime.first_token_eos",
        "start.runtime.kill_at.start", "start.runtime.kill_at.load", "start.runtime.kill_at.ready", "start.runtime.freeze.load",
        "start.runtime.start_port_taken", "port.shared", "port.taken", "disk.full.log", "disk.full.state", "disk.limit", "clock.jump",
        "descriptors.none", "crowd", "upgrade", "reload", "stop_start")),
    *(dataclasses.replace(each, name=each.name.replace("runtime.", "server.")) for each in replies("runtime", CHAT_ROUTES, HANG)),
    simulated("runtime", "stream_error", "-", in_answer),
    simulated("runtime", "error_text", "-", in_answer, answers="gaps"),
    simulated("runtime", "no_done", "-", lambda dice: {"on": draw_on(dice)}),
    simulated("runtime", "done_without_finish", "-", in_answer, answers="gaps"),
    simulated("runtime", "ignore_cancel", "-", constant(), within=HANG),
    at_start("start_fail", "start"),
    at_start("start_oom", "start"),
    Fault("restart.runtime", "-", lambda dice: {"what": dice.choice(["sim", "sim/runtime"])}, operator.restart_services,
          check=operator.check_restarted, weight=3, within=HANG),
]
BY_NAME |= {fault.name: fault for fault in STREAMING}


def table(profile, one_life=False, twin=False):
    """Of a model with this profile. `one_life`: without those in whose place another process or program of corral comes. `twin`: without
    those that look at the processes of the one model."""
    rows = FAULTS if profile == harness.POLLED else STREAMING
    return tuple(each for each in rows if not (one_life and (each.ends_corral or each.name == "upgrade"))
                 and not (twin and each.name in ("stop_start", "restart.services")))


def described(injection):
    return f"{injection['fault']} {json.dumps(injection['args'])}"

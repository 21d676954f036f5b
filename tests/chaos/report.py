"""The tallies of all lives together, and what they say."""

from __future__ import annotations

import collections
import mmap

import harness
import measure
from violation import KINDS


def added(one, other):
    """Numbers and tables are added, lists joined."""
    if isinstance(one, dict):
        return {key: added(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
                for key in [*one, *(each for each in other if each not in one)]}
    return other if isinstance(one, str) else one + other


def is_sanitized(program):
    with open(program, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"__asan_init") >= 0


def restarts_of(tally):
    """Of the steps in which services were killed and nothing else happened."""
    all_of_them = tally["restarts"]
    first = [each for each in all_of_them if each["first"]]
    late = sorted((each for each in first if each["beyond"] > 1), key=lambda each: -each["beyond"])
    return {
        "kill_to_restart": measure.shares([each["to_act"] for each in all_of_them]),
        "exit_seen_to_restart": measure.shares([each["seen_to_act"] for each in all_of_them]),
        "kill_to_ready": measure.shares([each["to_ready"] for each in all_of_them]),
        "kill_to_ready_beyond_load": measure.shares([each["beyond"] for each in all_of_them]),
        "exit_seen_to_restart_by_fault": {name: measure.shares([each["seen_to_act"] for each in all_of_them if each["fault"] == name])
                                          for name in sorted({each["fault"] for each in all_of_them})},
        "first_restarts": len(first),
        "first_restarts_ready_within_load_plus_1s": measure.within([each["beyond"] for each in first], 1.0),
        "first_restarts_later": late[:10],
    }


def ready_of(tally):
    """Of all faults: from the end of the last one of a step until ready."""
    slowest = {}
    for name, took, _ in tally["ready_after_fault"]:
        slowest[name] = max(took, slowest.get(name, 0))
    beyond = [each[2] for each in tally["ready_after_fault"]]
    late = collections.Counter(name for name, _, more in tally["ready_after_fault"] if more > 1)
    return {**measure.shares([each[1] for each in tally["ready_after_fault"]]),
            "within_load_plus_1s": measure.within(beyond, 1.0), "later": dict(late.most_common()),
            "slowest": dict(sorted(slowest.items(), key=lambda pair: -pair[1])[:12])}


def report(options, tally, seconds):
    lives = tally["lives"]
    found = collections.Counter(each["kind"] for each in tally["violations"])
    last = max((int(number) for number in tally["step_seconds"]), default=None)
    return {
        "profile": options.profile, "seed": options.seed, "first_step": options.start, "last_step": last, "seconds": round(seconds, 1), "jobs": options.jobs,
        "slack": options.slack, "margin": options.margin, "sanitizers": is_sanitized(harness.BIN / "corral"),
        "steps": tally["steps"], "faults": tally["faults"], "requests": tally["requests"],
        "violations_found": sum(found.values()), "checks": {kind: found[kind] for kind in KINDS},
        "ends": tally["ends"], "hung_up": tally["hung_up"], "not_possible": tally["not_possible"],
        "restarts_after_kill_seconds": restarts_of(tally), "ready_after_fault_seconds": ready_of(tally),
        "kill_to_error_at_a_client_with_text_seconds": {**measure.shares(tally["error_after_kill"]),
                                                        "within_100ms": measure.within(tally["error_after_kill"], 0.1)},
        "descriptors_more_at_the_end": max((each["descriptors"][1] - each["descriptors"][0] for each in lives), default=None),
        "memory_grown_kb": max((each["kb"][1] - each["kb"][0] for each in lives), default=None),
        "kb_in_1000_requests": next((each["kb_in_1000_requests"] for each in lives), None),
        "idle_cpu_seconds": max((each["idle_cpu_seconds"] for each in lives), default=None),
        "by_fault": dict(sorted(tally["by_fault"].items(), key=lambda pair: -pair[1])),
        "slowest_steps": dict(sorted(tally["step_seconds"].items(), key=lambda pair: -pair[1])[:8]),
        "page": tally.get("page"), "lives": lives, "restarts": tally["restarts"], "violations": tally["violations"],
    }

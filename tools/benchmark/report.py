"""The tables on the terminal, the goals beside them, and the JSON file."""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import platform
import statistics

# key, heading, unit
COLUMNS = (("delay_p50_ms", "delay p50", "ms"), ("delay_p99_ms", "p99", "ms"), ("delay_max_ms", "max", "ms"),
           ("polls_per_piece", "polls", "a piece"), ("first_byte_ms", "first byte", "ms"),
           ("first_byte_added_ms", "added", "ms"), ("gap_to_reset_p50_ms", "gap", "ms"),
           ("tokens_per_second", "speed", "tokens/s"), ("share_of_direct", "of direct", ""))


def host():
    """What the figures depend on beside the code. The load is that of before the start."""
    model = ""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith(("model name", "hardware", "cpu part")):
            model = line.partition(":")[2].strip()
            break
    return {"when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.machine(), "kernel": platform.release(), "cpu": model,
            "cpus": len(os.sched_getaffinity(0)), "load_before": round(os.getloadavg()[0], 2),
            "tcp_sockets_before": len(pathlib.Path("/proc/net/tcp").read_text().splitlines()) - 1}


STREAM_COLUMNS = (("delay_p50_added_ms", "added p50", "ms"), ("delay_p99_added_ms", "p99", "ms"), ("delay_max_added_ms", "max", "ms"),
                  ("first_p50_added_ms", "first added p50", "ms"), ("first_p99_added_ms", "p99", "ms"),
                  ("cpu_ms_per_1000", "CPU", "ms/1,000"))


def summary(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "repetitions": values}


def summaries(lines):
    return {name: {key: summary([r[key] for r in repetitions]) for key in repetitions[0]} for name, repetitions in lines.items()}


def stream_result(host_facts, plan_name, tables, absent):
    shown = {str(streams): summaries(lines) for streams, lines in tables.items()}
    host_facts["load_after"] = round(os.getloadavg()[0], 2)
    return {"host": host_facts, "plan": plan_name, "tables": shown, "absent": absent, "goals": stream_goals(shown)}


def stream_goals(shown):
    """Against nginx in the same run; without it the first bytes alone."""
    out = []
    for streams, lines in shown.items():
        own, other = lines["Corral"], lines.get("nginx")
        rows = [("first byte added, p50", "ms", 1.0, "first_p50_added_ms"), ("first byte added, p99", "ms", 3.0, "first_p99_added_ms")]
        if other:
            rows += [(f"{what}, {factor} x nginx", "ms", factor * other[key]["median"], key)
                     for what, factor, key in (("delay added p50", 1.2, "delay_p50_added_ms"), ("delay added p99", 1.5, "delay_p99_added_ms"),
                                               ("CPU per 1,000 pieces", 3.0, "cpu_ms_per_1000"))]
        out += [{"what": f"{streams} streams: {what}", "unit": unit, "at_most": most, "measured": own[key]["median"],
                 "met": own[key]["median"] <= most} for what, unit, most, key in rows]
    return out


def show_goals(goals):
    rows = [["goal", "at most", "measured", ""]]
    rows += [[g["what"], f"{short(g['at_most'])} {g['unit']}".strip(), f"{short(g['measured'])} {g['unit']}".strip(),
              "met" if g["met"] else "MISSED"] for g in goals]
    show_table(rows)


def show_streams(figures):
    facts = figures["host"]
    print(f"\n{facts['cpus']} x {facts['cpu'] or facts['machine']}, load {facts['load_before']} before and {facts['load_after']} after; "
          f"{figures['plan']} run; median ± half the spread; added: over the same clients at the server itself")
    if figures["absent"]:
        print("not on this machine: " + ", ".join(figures["absent"]))
    for streams, lines in figures["tables"].items():
        print(f"\n{streams} streams")
        rows = [[""] + [heading for _, heading, _ in STREAM_COLUMNS], [""] + [unit for _, _, unit in STREAM_COLUMNS]]
        rows += [[name] + [cell(line[key]) for key, _, _ in STREAM_COLUMNS] for name, line in lines.items()]
        show_table(rows)
    print()
    show_goals(figures["goals"])


def result(host_facts, plan, tables, footprint):
    shown = {str(rate): summaries(lines) for rate, lines in tables.items()}
    host_facts["load_after"] = round(os.getloadavg()[0], 2)
    return {"host": host_facts, "plan": plan.name, "repetitions": plan.repetitions, "tokens_per_piece": 3,
            "tables": shown, "corral": footprint, "goals": goals(shown["50"]["Corral"], footprint)}


def goals(at_50, footprint):
    """A median over the repetitions is compared; the idle figure is the larger of fresh and used."""
    idle = max(footprint["resident_fresh_kib"], footprint["resident_idle_kib"]) / 1024
    rows = (("delay per piece, p50, over the direct poller (50 tokens/s)", "ms", 1.0, at_50["delay_p50_over_direct_ms"]["median"]),
            ("delay per piece, p99, over the direct poller (50 tokens/s)", "ms", 5.0, at_50["delay_p99_over_direct_ms"]["median"]),
            ("polls per piece (50 tokens/s)", "", 1.5, at_50["polls_per_piece"]["median"]),
            ("polls while idle", "", 0, footprint["polls_while_idle"]),
            ("gap between runs, p50 (50 tokens/s)", "ms", 3.0, at_50["gap_to_reset_p50_ms"]["median"]),
            ("first byte added (50 tokens/s)", "ms", 3.0, at_50["first_byte_added_ms"]["median"]),
            ("resident with clients waiting", "MiB", 18.0, footprint["resident_waiting_kib"] / 1024),
            ("resident when they have left", "MiB", 18.0, footprint["resident_after_waiting_kib"] / 1024),
            ("resident when idle", "MiB", 12.0, idle))
    return [{"what": what, "unit": unit, "at_most": most, "measured": measured, "met": measured <= most}
            for what, unit, most, measured in rows]


def short(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(figure):
    """Median over the repetitions, and half of the distance between the least and the most."""
    return f"{short(figure['median'])} ±{short((figure['most'] - figure['least']) / 2)}"


def show_table(rows):
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]).rstrip())


def show(figures):
    facts = figures["host"]
    print(f"\n{facts['cpus']} x {facts['cpu'] or facts['machine']}, load {facts['load_before']} before and "
          f"{facts['load_after']} after, {facts['tcp_sockets_before']} TCP sockets before; {figures['plan']} run, {figures['repetitions']} repetitions in turn; "
          "median ± half the spread")
    for rate, lines in figures["tables"].items():
        print(f"\n{rate} tokens per second, {figures['tokens_per_piece']} to a piece")
        rows = [[""] + [heading for _, heading, _ in COLUMNS], [""] + [unit for _, _, unit in COLUMNS]]
        rows += [[name] + [cell(line[key]) for key, _, _ in COLUMNS] for name, line in lines.items()]
        show_table(rows)
    own = figures["corral"]
    mib = lambda key: f"{own[key] / 1024:.1f} MiB"
    print(f"\nCorral resident: {mib('resident_fresh_kib')} fresh, {mib('resident_idle_kib')} idle after all requests, "
          f"{mib('resident_waiting_kib')} with {own['waiting_clients']} clients waiting, "
          f"{mib('resident_after_waiting_kib')} when they have left; its warden {mib('resident_warden_kib')}"
          f"\npolls in {own['idle_seconds']:.0f} idle seconds: {own['polls_while_idle']}\n")
    show_goals(figures["goals"])


def write(figures, path):
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")

#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto service_reader = message_reader::operators;

inline constexpr std::array service_table{
    message{"service.loading-again", service_reader,
            "loading again{>, because it |, because | after this: }\n"
            "then| then loading again{>, because it |, because | after this: }\n"
            "device| the device: {figures}",
            "The last process of it ended or was ended; what led to it follows.",
            "Nothing: it starts by itself. corral logs --crash 1 shows what led to it."},
    message{"service.ended", service_reader, "{it}ended by itself",
            "The process ended without being told to; Corral starts it again, at once the first time.",
            "Read the cause behind it; 'corral logs MODEL/SERVICE' shows its last lines."},
    message{"service.gave-up", service_reader, "failed too often, the last time{> it | | by this: }",
            "The breaker is open: it is tried after an eighth of breaker_retry, then after twice as long "
            "each time.",
            "Fix the cause, then corral start MODEL."},
    message{"service.said-before", service_reader,
            "while loading it had said{>: }\n"
            "line| it said: {line}",
            "A line it printed explains its end.",
            "Look at the line and those around it with 'corral logs MODEL/SERVICE'."},
    message{"service.printed", service_reader,
            "{it}printed what may mean: {cause}\n"
            "before| before, it printed what may mean: {cause}",
            "A line that the profile knows came before; it need not be the cause.",
            "Look at the line and those around it with 'corral logs MODEL/SERVICE'."},
    message{
        "service.card-memory", service_reader,
        "card| {free:d} MB were free on card {card:d}\n"
        "here| {free:d} MB of the card's memory were free",
        "So much was left when the runtime had loaded its last whole layer; the next one may not have fit.",
        "Unload another model, serve a smaller one, or one with a shorter context."},
    message{"service.no-progress", service_reader,
            "no sign of progress for {limit} while {stage}{last}; the clock of progress {stand}",
            "A start without progress for longer than start_stall is ended and tried again.",
            "Raise start_stall_ceiling of the service, on a slow disk or link."},
    message{"service.silent", service_reader,
            "{it}no longer answers\n"
            "probe| {probe} failed {times} while nothing else was asked of it{last}\n"
            "status| it answered with status {status:d}",
            "Its liveness probe failed several times; it is replaced.",
            "Look at its last lines with 'corral logs MODEL/SERVICE'."},
    message{"service.not-answering-yet", service_reader, "listening, but not answering",
            "It is still loading.", "Nothing."},
    message{"service.first-test", service_reader, "under its first test",
            "A start ends with a first real answer before clients are let in.", "Nothing."},
    message{"service.renewed", service_reader,
            "{it}was renewed, because it had become slower\n"
            "grown| {it}was renewed, before it could run out of {what}",
            "Its tokens took longer and longer, or it held ever more of what runs out; a new process serves.",
            "Nothing; corral status shows what it gained."},
    message{"service.memory-limit", service_reader,
            "The model reached its memory limit of {limit:d} MiB, and the kernel killed {process}.\n"
            "do| Raise 'memory_mb' in [limits] of its manifest, or serve it with a shorter context.",
            "Its processes together had all that [limits] allows them; no other model is touched, and it is "
            "started again.",
            "Raise 'memory_mb', or shorten the context."},
    message{"service.task-limit", service_reader,
            "While it loaded, the model reached its limit of {count:d} processes and threads, and the kernel "
            "refused another.\n"
            "do| Raise 'tasks' in [limits] of its manifest.",
            "All its processes and threads together are as many as [limits] allows.",
            "Raise 'tasks' of the manifest."},
    message{
        "service.tasks-refused", service_reader,
        "the system refuses new processes and threads: {why}\n"
        "start| While it loaded, the system refused it a process or thread.\n"
        "do| End what has so many ('systemd-cgtop' and 'ps -eLf' show it), or raise the limit (TasksMax of "
        "the unit, 'ulimit -u'); it starts by itself then.",
        "A limit on processes is met: of the unit, of Corral's user, or of the machine. Starts wait "
        "until it is not.",
        "End what has so many, or raise TasksMax or 'ulimit -u'."},
    message{
        "service.without-limits", service_reader,
        "runs| {service}: runs without its [limits]: {why}\n"
        "others| other processes are in Corral's own control group, {group}, so the kernel limits nothing "
        "below it; start Corral as its unit does\n"
        "controller| the controller '{controller}' is not delegated to Corral's control group, {group}; "
        "the unit needs Delegate=yes\n"
        "memory| the controller 'memory' is not delegated to Corral's control group, {group}; the unit "
        "needs Delegate=yes, and the kernel's command line cgroup_enable=memory on some boards\n"
        "value| the kernel refuses {value:d} in {file}: {why}\n"
        "none| Corral has no control group (v2) of its own to divide; run it as the package's unit, which "
        "says Delegate=yes\n"
        "group| the control group {group} can't be made: {why}",
        "The control group that would hold the limits can't be set up; the model is served all the same.",
        "Do what the sentence says: Delegate=yes in the unit, or the kernel's controller; then restart "
        "Corral."},
    message{"service.without-terminal", service_reader,
            "{service}: its output comes through a pipe, because there is no pseudo terminal ({why}); it may "
            "be delayed",
            "The container or machine gives no pseudo terminal, so that programs may hold back what they "
            "print; the model is served all the same.",
            "Mount devpts in the container, or raise kernel.pty.max."},
    message{
        "service.oom-score", service_reader,
        "{service}: its oom_score_adj is {score:d} and could not be raised to {wanted:d}, so Corral may be "
        "killed before a runtime when memory is short; let it write /proc/self/oom_score_adj",
        "The score says whom the kernel kills first when memory is short; a runtime is to go before Corral.",
        "Let Corral's user write /proc/self/oom_score_adj: no read-only /proc in the container."},
    message{"service.memory-ran-out", service_reader,
            "Memory ran out, and the kernel killed {process}.\n"
            "more| It has killed {count:d} processes for that since this one began.\n"
            "do| Serve a smaller model, or stop what else needs memory here; dmesg has the kernel's figures.",
            "The machine, or the limit of a control group, had no memory left, and the kernel chose this "
            "process; "
            "runtimes are offered to it before Corral is.",
            "Serve a smaller model, or less beside it; 'dmesg' names the sizes."},
    message{"service.stuck", service_reader,
            "SIGKILL does not end it, so it is probably stuck inside a driver\n"
            "do| look at the kernel log (dmesg); the device may need a reset",
            "The kernel can't end the process; nothing new is started meanwhile.",
            "Look at 'dmesg'; reset the device (axcl-smi reboot), else restart the machine."},
    message{"service.stop-late", service_reader, "stopping took too long",
            "The stop ladder goes on by itself.", "Nothing; 'corral status' shows what is left."},
    message{
        "service.port-taken", service_reader,
        "port {port:d} is already taken by {program}\n"
        "do| stop that program, or give this service another port if its command names {{port}}; Corral then "
        "starts it by itself\n"
        "do-see| see who it is: sudo ss -ltnp 'sport = :{port:d}'; then stop that program\n"
        "do-unit| stop it for now and for good: sudo systemctl disable --now {unit}\n"
        "do-corral| another Corral keeps that program: choose another port\n"
        "do-kill| stop that program (kill {pid:d}), or choose another port",
        "Another program listens there. Nothing is started until the port is free; Corral keeps checking.",
        "Stop that program. Where its command names {port}, 'port' gives the service another one; one that "
        "is compiled into the program is moved by the port guard alone (guard = \"warn\")."},
    message{"service.intruder", service_reader,
            "port {port:d} is also listened on by {program}, which is not part of this service; no prompt "
            "may reach it\n"
            "do| stop that program, or give this service another port if its command names {{port}}",
            "A foreign program shares the port; the service is stopped so that no prompt reaches it.",
            "Stop that program. Where its command names {port}, 'port' gives the service another one; one "
            "that is compiled into the program is moved by the port guard alone (guard = \"warn\")."},
    message{"service.reachable", service_reader,
            "listens on {where} at port {port:d}: reachable from the network, without authentication; {why}\n"
            "more| so it is at {count:d} more ports\n"
            "off| it runs with guard = \"off\"\n"
            "no-guard| the guard can't work: {why}\n"
            "no-effect| the guard had no effect on it",
            "The vendor's server listens on every interface, and the guard could not change it.",
            "Put a firewall before it, or write guard = \"require\", which then does not use it."},
    message{"service.unguarded", service_reader,
            "its ports can't be guarded, which guard = \"require\" asks for: {why}\n"
            "do| use a program that the guard reaches (dynamically linked, not set-uid), or say guard = "
            "\"warn\" to use it all the same, behind a firewall\n"
            "or| {advice}; or say guard = \"warn\" to use it all the same, behind a firewall",
            "The program is one that the guard does not reach; it is not used.",
            "Use a dynamically linked program, or write guard = \"warn\"."},
    message{
        "service.port-turns", service_reader,
        "turns| takes turns with other models at port {port:d}, which is compiled into its program\n"
        "also| {warning}; it takes turns with other models at port {port:d}, which is compiled into its "
        "program\n"
        "compiled| port {port:d} is compiled into a program that the guard does not reach: models of such "
        "programs take turns",
        "The port is compiled into the program, so that one such model runs at a time.", "Nothing."},
    message{"service.gate-late", service_reader,
            "the checks before its start did not finish in time; they are repeated",
            "A check before the start did not end; it is tried again.", "Run 'corral doctor'."},
    message{"service.not-wanted", service_reader,
            "{it}was told to stop while it was started, and is stopped again",
            "A stop came while it started.", "Nothing."},
    message{"device.lost", service_reader,
            "no-card| the device is lost: the driver shows no card\n"
            "card| the device is lost: card {card:d} is not among the {count:d} that the driver shows",
            "The card is not in the driver's list. Nothing is started; it starts by itself when the card is "
            "back.",
            "Reset it with 'axcl-smi reboot', else switch the box off and on; then run 'corral doctor'."},
    message{"device.silent", service_reader,
            "driver| the device's driver does not answer: {why}\n"
            "gave| {tool} gave no answer within {timeout}\n"
            "hangs| '{command}' hangs inside the driver, and not even SIGKILL ends it",
            "The status tool hangs; it is asked again every ten seconds.",
            "Look at 'dmesg'; reset it with 'axcl-smi reboot', else switch the box off and on."},
    message{"device.unreadable", service_reader,
            "fails| the device can't be queried: {why}\n"
            "prints| {tool} printed more than a status tool should, and was stopped\n"
            "gave| {tool} gave an answer that is not in the format {format}\n"
            "without| starts without a check of the device: {why}\n"
            "run| {tool} can't run here{call}\n"
            "looked| '{command}' can't be examined: {message}",
            "The status tool is missing, fails, or says nothing that can be read.",
            "Install it, or run it by hand as Corral's user."},
    message{"device.memory-wait", service_reader, "waiting for device memory: {figures}",
            "The memory of an ended process has not come back, or another program holds it.",
            "Stop the holder that the line names, else wait half a minute."},
    message{"device.memory-short", service_reader,
            "not enough device memory: {figures}\n"
            "do| stop that program, or serve a smaller model\n"
            "do-corral| give each Corral cards of its own, or unload that model there\n"
            "do-kill| if it is a left-over: kill {pid:d}\n"
            "do-stop| stop it: kill {pid:d}",
            "Less is free than this model needs.", "Stop the other program, or serve a smaller model."},
    message{"device.memory-gone", service_reader,
            "device memory did not come back within {time}: {figures}\n"
            "tried| device memory did not come back, but the start is tried all the same: {figures}",
            "It is tried again every ten seconds.", "Reset the card with 'axcl-smi reboot'."},
};

}  // namespace corral::core::messages

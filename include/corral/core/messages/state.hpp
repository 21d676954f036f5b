#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto state_reader = message_reader::operators;

inline constexpr std::array state_table{
    message{"service.sign-of-life", state_reader,
            "none| {service}: no sign of life: {why}\n"
            "none-inside| {service}: no sign of life: {why}; but a request is running in it\n"
            "restless| {service}: could not be made idle: {why}\n"
            "ended| its process ended meanwhile\n"
            "ready| {model} is not ready in time: {service} is {state}: {why}\n"
            "stopped| {model} is stopped\n"
            "nobody| the wait for {model} was cancelled\n"
            "unknown| {model}: has no service '{service}' to restart",
            "A probe failed, or what waited for the service gave up; after several failures the service is "
            "replaced.",
            "Look at its last lines with 'corral logs MODEL/SERVICE'."},
    message{"service.exit", state_reader,
            "status| exit status {status:d}\n"
            "signal| killed by {signal}\n"
            "core| killed by {signal} (core dumped)\n"
            "unknown| exit status unknown ({why})\n"
            "lines| 'corral logs {service}' shows what it printed.",
            "The process ended in this way. A signal that nobody sent is a crash of the program, or memory "
            "that ran out.",
            "Look at its last lines with 'corral logs MODEL/SERVICE', and at 'corral logs --crash 1'."},
    message{"service.waits-for", state_reader, "waits for the service {service}",
            "A service before it is not ready.", "Nothing; 'corral status' shows how that one is."},
    message{"service.process-control", state_reader,
            "output| {service}: its output can't be read: {why}\n"
            "family| {service}: the processes that process {pid:d} started can't be killed\n"
            "signal| {service}: signal {signal:d} could not be sent: {why}\n"
            "task| {service}: a task that talks to a dead process does not end\n"
            "untold| {service}: the warden could not be told of it: {why}\n"
            "cannot-signal| cannot signal the child: {why}\n"
            "read| cannot read from the child: {failed}\n"
            "reading| reading from the child was cancelled\n"
            "process| process {pid:d} can't be watched: {failed}\n"
            "process-taken| process {pid:d} can't be taken over: {why}\n"
            "no-child| it is not a child of this process\n"
            "no-leader| it is not the leader of its process group\n"
            "closed| its output is not open\n"
            "no-pipe| its output is not a pipe\n"
            "same-pipe| its output and its error output are the same pipe\n"
            "no-pidfd| the kernel gives no descriptor (pidfd) for it\n"
            "cannot-watch| cannot watch {program}: {why}\n"
            "from| cannot read from {command}: {failed}",
            "The system refused something that Corral does with its children; the service goes on or is "
            "started again.",
            "Look at 'dmesg' and the limits of the unit (LimitNOFILE, TasksMax)."},
    message{"service.cannot-start", state_reader,
            "find| cannot find {program} in PATH\n"
            "denied| cannot execute {program}: the file of that name in PATH may not be executed\n"
            "execute| cannot execute {program}: {why}{hint}\n"
            "enter| cannot start {program}: cannot enter directory {folder}: {why}\n"
            "fork| cannot start {program}, because fork failed: {why}\n"
            "prepare| cannot start {program}: {what}: {why}\n"
            "cannot-open| cannot open {what}\n"
            "empty| the command is empty: no program is named\n"
            "cannot-read| cannot read the limit of open descriptors\n"
            "cannot-raise| cannot raise the limit of open descriptors\n"
            "the descriptors can't be marked for closing\n"
            "cannot-execute| cannot execute {program}: {why}\n"
            "do| fix the command of this service\n"
            "do-find| install it, or give its full path\n"
            "do-empty| name a program",
            "The program of a service could not be started; Corral tries again by itself.",
            "Install the program or folder that is named, or fix the package (corral doctor MODEL)."},
    message{"service.unexpected-port", state_reader, "{service} listens where it is not expected",
            "The program opened a port that its profile does not name.",
            "Name it by further_ports of the service in the profile, or close it by a firewall."},
    message{"service.stop-overdue", state_reader,
            "model| model {model}: its services did not stop in time\n"
            "left| model {model}: left the configuration, but its services did not stop in time\n"
            "beside| model {model}: its services can't be stopped; what waited for their place starts beside "
            "them\n"
            "all| not everything ended in time; the warden kills what is left",
            "Processes outlived their stop ladder; the warden or the next start kills them.",
            "Look at 'corral status', and at 'dmesg' when the card's driver hangs."},
    message{"service.not-in-time", state_reader,
            "not ready within {limit} while {stage}{last}; the clock of a whole start {stand}",
            "The whole start took longer than its clock; it is ended and tried again, each time with a "
            "longer pause.",
            "Raise start_timeout_ceiling of the service, on a slow disk or link; look at 'corral logs "
            "MODEL/SERVICE'."},
    message{"service.at", state_reader,
            "unstarted| not started\n"
            "begins| starting\n"
            "loading| loading\n"
            "ready| ready\n"
            "stopped| stopped",
            "The state of a service, where nothing else led to it.", "Nothing."},
    message{"service.asked-to-stop", state_reader,
            "starting| asked to stop while starting\n"
            "restarted| restarted by its operator\n"
            "asked to stop\n"
            "corral| Corral ends and watches it no longer",
            "Corral or its operator ends the service.", "Nothing."},
    message{"service.first-test-failed", state_reader,
            "{that}its first test failed\n"
            "port| after its first test its port could not be shown to be its own",
            "The service came up, and its first real call failed; it is ended and started again.",
            "Look at 'corral logs MODEL/SERVICE', then run 'corral doctor MODEL'."},
    message{"service.not-listening", state_reader,
            "{it}no longer listens on its port\n"
            "held| its port is held by another process\n"
            "status| {probe} was answered with status {status:d}\n"
            "failed| {probe} failed: {why}",
            "The process lives, but its port does not answer as its own; it is replaced.",
            "Look at its last lines with 'corral logs MODEL/SERVICE'."},
    message{"service.disk-silent", state_reader,
            "{that}its program can't be examined: {why}\n"
            "not-begun| its program has not started: its disk does not respond",
            "The program could not be read from its disk; the start waits and is tried again.",
            "Look at 'dmesg'; check the disk or the mount of the package."},
    message{"service.port-turn", state_reader,
            "port {port:d}, which is compiled into its program and out of the guard's reach, is used by "
            "{holder}: they "
            "take turns",
            "Two models need the same port, so that one runs at a time.",
            "Serve one of them, or use a package whose program takes a port."},
    message{"service.guard", state_reader,
            "nowhere| the guard library {library} is neither beside the corral program nor in ../lib/corral\n"
            "unread| the guard library {library} can't be read\n"
            "kind| the guard library {library} is not a shared library\n"
            "noexec| the guard library {library} lies on a file system mounted with noexec\n"
            "blank| the path of the guard library {library} contains a space or a colon, which the loader "
            "takes for its end\n"
            "static| {file} is linked statically\n"
            "raised| {file} is set-uid, set-gid or has file capabilities\n"
            "machine| {file} is built for {machine}, the guard library for {library}\n"
            "do-library| install Corral completely, or name the library in 'guard_library'\n"
            "do-machine| use a build of the program for {machine}\n"
            "do-static| use a dynamically linked build of the program\n"
            "do-raised| take these away from the program (chmod u-s,g-s; setcap -r)",
            "The guard that keeps a service's port on this machine can't reach the program.",
            "Do what the sentence ends with, else put a firewall before the port."},
    message{
        "program.folder", state_reader,
        "working| the working directory {folder} can't be used: {why}\n"
        "reach| the path {file} can't be reached: {why}\n"
        "missing| {file} does not exist\n"
        "missing-why| {file} does not exist: {why}\n"
        "is-folder| {file} is a directory\n"
        "irregular| {file} is not a regular file\n"
        "do-working| give the folder that holds the model package, readable by the user that runs Corral\n"
        "do-reach| let the user that runs Corral enter the folders above it\n"
        "do-relative| give an absolute path, or the working directory that it is relative to\n"
        "do-missing| check the path; if the download was interrupted, fetch the package again\n"
        "do-file| name the program file itself",
        "What the command names is not there or may not be entered.",
        "Check the path; sudo chmod o+x on the folders above; corral doctor MODEL."},
    message{"program.download", state_reader,
            "lfs| {file} is a git-LFS pointer, not the program: {missing} were not downloaded\n"
            "page| {file} is a web page, not a program: the download went wrong\n"
            "cut| {file} is cut off: it has {size:d} bytes, and its own headers ask for {whole}\n"
            "empty| {file} is empty\n"
            "do| fetch the file again, signed in if the source asks for it, and compare its size\n"
            "do-lfs| run `git lfs install && git lfs pull` in {folder}\n"
            "do-cut| fetch the file again and compare its size",
            "The file was not downloaded whole.",
            "Run 'git lfs install && git lfs pull' in the package's folder, or fetch it again."},
    message{
        "program.kind", state_reader,
        "object| {file} is an object file or a core dump, not a program\n"
        "text| {file} is text, not a program; it begins with {line}\n"
        "unknown| {file} is not a program of any kind that this system knows\n"
        "machine| {file} is built for {machine}, and this machine is {here}\n"
        "loader| {file} needs the program loader {loader}, which does not exist here\n"
        "script| {file} is a script for {interpreter}, which does not exist here\n"
        "path| {file} is a script for {interpreter}, which is not in PATH\n"
        "windows| {file} has Windows line ends, so its interpreter can't be found\n"
        "do-machine| use the {machine} build of the program, or run it through an emulator named in the "
        "command\n"
        "do-loader| use the build made for this system, or install the C library that provides the loader\n"
        "do-script| install it, or correct the first line of the script\n"
        "do-windows| run: sed -i 's/\\r$//' {file}\n"
        "do-ends| write it with the line ends of Linux",
        "This machine can't run the file.",
        "Use the build for this machine; 'corral doctor MODEL' names it where the package has one."},
    message{"program.permission", state_reader,
            "mode| {file} may not be executed: its execute permission is missing\n"
            "noexec| {file} lies on a file system mounted with noexec\n"
            "do| run chmod +x on it\n"
            "do-mode| run: chmod +x {file}\n"
            "do-noexec| move the package to another file system, or mount this one without noexec",
            "The file is whole and may not be run.",
            "Run 'chmod +x FILE'; move the package where the mount is without noexec."},
    message{
        "device.memory-late", state_reader,
        "late| {mb:d} MB have not come back {time} after the unload ({figures}); the next start waits for "
        "it\n"
        "held| {mb:d} MB have not come back {time} after the unload ({figures}); held by {holder}; the next "
        "start waits for it",
        "The driver gave the memory of an unloaded model back late; the next start waits for it.",
        "Stop the holder where the line names one; run 'axcl-smi reboot' when it stays."},
    message{
        "device.cpu-instead", state_reader,
        "unreadable| the counter of the {unit} can't be read\n"
        "cpu| {unit} 0 %, {cores} CPU cores busy: this answer was computed on the CPU\n"
        "neither| {unit} 0 %, {cores} CPU cores busy: neither computes; check that this is the right device\n"
        "probably| {figures}: this answer was probably computed on the CPU",
        "The accelerator's counter did not move, or can't be read, while tokens came.",
        "Compare the versions as docs/runtimes.md says."},
    message{"model.loading", state_reader,
            "The model is not loaded.\n"
            "loads| The model is loading.",
            "The next request loads it, or it is being loaded.",
            "Wait; 'corral status --watch' shows the load."},
    message{"model.remote-away", state_reader,
            "unasked| The remote server has not been asked yet.\n"
            "The remote server is not serving: {why}.\n"
            "outlier| Requests failed at the remote server ({why}), so it gets none for {seconds:d} s.",
            "The fallback elsewhere is left out for the moment and looked at again by itself.",
            "Try 'curl URL/api/version' from this machine; fix its address or key in the manifest."},
};

}  // namespace corral::core::messages

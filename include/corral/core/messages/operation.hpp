#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto operation_reader = message_reader::operators;

inline constexpr std::array operation_table{
    message{"command.asks-daemon", operation_reader,
            "corral| the Corral at '{what}' {why}\n"
            "daemon-answer| the daemon no longer answers\n"
            "ended| Corral closed the connection: it is stopping, or being upgraded\n"
            "again| Corral closed the connection; its log is followed again once it answers.\n"
            "nothing-changed| nothing has changed: {upgrade}\n"
            "program| 'program' must be an absolute path\n"
            "child| 'corral {command}' can't be started: {why}\n"
            "no-answer| 'corral {command}' gave no answer: {why}\n"
            "silent| 'corral {command}' wrote nothing for too long and was stopped; a disk or network share "
            "may hang\n"
            "scope| the server shows its status only to keys with the scope observe\n"
            "box| the server reports no status of its box\n"
            "internal| internal error: {thrown}\n"
            "refuses| the daemon refuses\n"
            "corral-url| with --url, name one model\n"
            "answers-status| {url} answers with status {status:d}, not as Corral does. Check the address; "
            "the server must run this version of Corral or a later one.",
            "The conversation with the running Corral failed.",
            "Compare 'corral --version' with the version in 'corral status'; look at 'corral logs corral'."},
    message{"page.refused", operation_reader,
            "programs| this is for this server's own page and for programs; a program that changes something "
            "must send the header 'X-Corral-Action: 1'\n"
            "own-names| this is answered only under an address of this machine, 'localhost' or its own name; "
            "its operator can add names with 'hosts' in [access]\n"
            "own-user| this server uses no API keys, so only Corral's own user and root may see or change "
            "its state\n"
            "own-machine| this server uses no API keys, so its state can be seen and changed only from its "
            "own machine\n"
            "scope| this API key has no scope '{scope}'\n"
            "more-scopes| a key can only create keys with its own scopes, and this one has '{scopes}'\n"
            "lines| log lines of services require an API key with the scope 'operate'\n"
            "wrong-keys| too many wrong keys came from this address\n"
            "wrong-key| this is no API key of this server\n"
            "on-box| this is possible only on the box itself\n"
            "do-own-user| Open the link that 'sudo corral ui' prints, or let a group of users in by "
            "'operators' in [access].\n"
            "do-own-machine| Make a key on its machine with 'corral key new NAME --scope observe', and name "
            "the key file in [access].\n"
            "do-scope| Its operator can create one that has it: 'corral key new NAME --scope {scope}'.\n"
            "do-more-scopes| Ask for fewer, or make the key on the box with 'corral key new'.\n"
            "do-lines| Follow 'corral' only, or use a key that has it.\n"
            "do-wrong-keys| Wait a minute, then try again.\n"
            "do-wrong-key| Whoever runs it can make one with 'corral key new NAME --scope "
            "inference,observe,operate'.\n"
            "do-on-box| Use 'corral upgrade' or 'corral ui' there.",
            "The box's own API answers its page, programs that show a key of the right scope, and, without "
            "keys, Corral's own user, root and the group that 'operators' names, on its own machine.",
            "Show a key with the scopes observe or operate; without keys open the link that 'sudo corral ui' "
            "prints. From another page there is no way."},
    message{"page.request", operation_reader,
            "model| 'model' must be the name of a model\n"
            "all| 'model' must be the name of a model; \"all\": true means all\n"
            "pull| 'model' must be a name of the catalogue or hf.co/OWNER/REPOSITORY\n"
            "do-pull| Anything else is pulled on the box itself, with 'corral pull'.\n"
            "owner| this owner is not listed in 'owners' of [pull]\n"
            "do-owner| A key with the scope 'operate' may pull it.\n"
            "name| 'name' must be NAME or NAME:TAG\n"
            "folder| 'folder' must be an absolute path on the box\n"
            "scopes| 'scopes' must be a list of 'inference', 'observe', 'operate' and 'pull'\n"
            "lines| 'lines' must be a whole number from 0 to 10000\n"
            "keyless| this server asks for no API keys, so there is nothing to log in to\n"
            "body| the body must be one JSON object of at most 64 KiB\n"
            "document| the document is not installed here\n"
            "address| there is no such address below /corral/v1\n"
            "method| this address does not accept that method\n"
            "do-address| GET /corral/v1/openapi.json lists all addresses.",
            "A request to the box's own API has no such address, or a body that it does not take.",
            "Compare it with GET /corral/v1/openapi.json."},
    message{"page.no-link", operation_reader,
            "page| the page is not installed here\n"
            "server| this server does not listen on loopback and asks for no API keys, so its page "
            "can't be opened; name a key file in [access]",
            "There is nothing that a link of 'corral ui' could open.",
            "Install the page (share/corral/ui), or make keys: corral key new NAME."},
    message{"page.busy", operation_reader,
            "this server already runs as many operator commands as it allows; try again later\n"
            "many-pages| too many pages are following this server; close one",
            "Commands for pages run one at a time, and 64 pages may follow, 24 of one client.",
            "Close unused pages, then try again."},
    message{"page.no-sessions", operation_reader, "browsers can't log in: {why}",
            "The system gave no random numbers for the seal of sessions; keys in headers work.",
            "Restart Corral; look at the system's log if that does not help."},
    message{"page.unreadable", operation_reader,
            "page| the page for browsers is not shown: {why}\n"
            "logo| the maker's logo is missing on the web page: {why}\n"
            "file| the page's file '{file}' can't be read: {why}; install Corral again",
            "A file of the page under share/corral/ui can't be read; requests are answered as ever.",
            "Install Corral again, and look at the disk if that does not help."},
    message{"command.too-many-readers", operation_reader,
            "readers| {most-followers:d} readers already follow the log",
            "The maximum number of corral logs --follow is running.", "End one of them."},
    message{"command.may-not-ask", operation_reader,
            "only| only root and the user that runs Corral may use this socket\n"
            "refused| admin socket: user {user} was refused",
            "The admin socket is for Corral's own user and root.",
            "Ask as that user or as root: sudo corral …."},
    message{
        "command.socket-file", operation_reader,
        "admin| the admin socket '{path}' can't be used\n"
        "too-long| the name of the socket is too long: '{path}': {why}\n"
        "something-else| there is something other than a socket at '{path}': {why}\n"
        "look| can't examine '{path}': {why}\n"
        "make| can't create a socket at '{path}': {why}\n"
        "whose| can't tell who owns the socket at '{path}': {why}\n"
        "replace| can't replace the left-over socket '{path}': {why}\n"
        "listen| can't listen at '{path}': {why}\n"
        "connect| can't connect to '{path}': {why}\n"
        "tell-who| can't tell who is at the other end: {why}\n"
        "none| there is no admin socket, so 'corral status' and the like do not work: {why}",
        "The socket over which commands ask could not be made or reached. Clients are served all the same.",
        "Set admin_socket = \"PATH\" to a folder that Corral's user may write."},
    message{"command.stop-service", operation_reader,
            "service| a service is stopped with its model: stop {models}, or restart the service\n"
            "started| a service is started with its model: start {models}",
            "A model's services live and end together.",
            "Run 'corral stop MODEL', 'corral start MODEL' or 'corral restart MODEL/SERVICE'."},
    message{"command.stop-waits", operation_reader,
            "model| model {model} was started again before it had stopped\n"
            "gets| model {model} gets no more requests, but has not stopped yet: {down}\n"
            "ready| model {model} is not ready: {what}",
            "The command's own time was over before the model was where it should be; it goes on by itself.",
            "Follow it with 'corral status --watch'; --now cuts a running answer off."},
    message{"command.check-mistake", operation_reader,
            "models| the configuration has a mistake, so its models are not known",
            "The command needs the configuration and could not read it.", "Fix what 'corral check' names."},
    message{"command.remove", operation_reader,
            "nothing-removed| nothing was removed\n"
            "stays-models| {folder} stays: models were changed meanwhile, so run 'corral prune' again",
            "The manifest is still there.", "Run it again with sudo, or as 'corral rm MODEL --yes'."},
    message{"doctor.check-failed", operation_reader,
            "the check '{check}' could not be run: {why}\n"
            "start| it starts although its files could not be checked: {why}\n"
            "look| check that part of the box by hand",
            "A check could not be run, so it finds nothing; the others were run.",
            "Check that part of the box by hand."},
    message{
        "doctor.fix", operation_reader,
        "log| {fix}; the vendor's own log is {file}\n"
        "dma| make the driver's DMA buffers smaller: in {file} set \"{key}\" to \"{size}\", then restart the "
        "machine. Don't enlarge CMA with a kernel parameter: that has left machines unable to boot\n"
        "enter| sudo chmod o+x {folder}\n"
        "open| sudo chmod -R o+rX {folder}\n"
        "state| if it runs as a service, all is well; if it runs as you, set another 'state_directory', or "
        "run: sudo chown -R $USER {folder}\n"
        "new| if it runs as a service, all is well; if it runs as you, set another 'state_directory', or "
        "run: sudo install -d -o $USER {folder}",
        "What 'corral doctor' says to do; the finding above it says why.",
        "Do so, then run 'corral doctor' again."},
    message{"command.explain", operation_reader,
            "none| no message has the ID or wording '{words}'. 'corral explain' lists all.\n"
            "meant| no message has the ID or wording '{words}'; did you mean '{id}'? 'corral explain' "
            "lists all.",
            "The catalogue does not know the words.",
            "Give a shorter part of the sentence, or the id in [..] at the end of a line of the log."},
    message{"command.bundle", operation_reader,
            "none| nothing has crashed or hung: there is no bundle in {folder}\n"
            "lost| the latest incident has no bundle, because it could not be written: {why}\n"
            "which| there is no bundle {name}; {count} kept in {folder}, which 'corral logs --crash' lists\n"
            "damaged| the bundle '{name}' is damaged\n"
            "damaged-file| '{file}' is damaged\n"
            "name-bundle| '{name}' is not the name of a bundle\n"
            "bundle| '{what}' is not a bundle\n"
            "keeps-none| this server has no state directory, so it keeps no bundle; set "
            "'state_directory' in its configuration\n"
            "list| can't list '{folder}': {why}\n"
            "other-user| {why}; run this as the user that runs Corral, or pass --state DIR\n"
            "no-state| the daemon at '{socket}' has no state directory, so it keeps nothing. Set "
            "'state_directory' in its configuration.",
            "The record of a crash can't be shown.", "List those that are there with 'corral logs --crash'."},
    message{"command.run-answer", operation_reader,
            "answer-ended| the answer ended before its last line\n"
            "line-answer| a line of the answer is too long\n"
            "line| a line of the answer is not understood\n"
            "status| the server answered with status {status:d}\n"
            "refuses| {url} refused the connection: check the address and port, and that a server is running "
            "there\n"
            "operated| You operate this server: 'corral status' and 'corral logs {model}' say more.",
            "The server broke its answer off, or is none that corral run understands.",
            "Ask again; each time: look at 'corral status' and 'corral logs corral'."},
    message{"command.no-model", operation_reader,
            "meant| there is no model '{model}'; did you mean '{name}'?\n"
            "choose| there is no model '{model}'; choose one of these: {names}\n"
            "none| there is no model '{model}', nor any other: 'corral search' lists what fits this box, "
            "'corral pull NAME' fetches one\n"
            "left-out| model '{model}' is left out, because its manifest {file} has a mistake; 'corral "
            "check' shows it",
            "No manifest without a mistake has the name; the nearest is named.",
            "Write a name that 'corral list' shows; 'corral pull NAME' fetches one of the catalogue."},
    message{"command.address", operation_reader,
            "address| '{host}' has no address: {what}\n"
            "form| {option} '{address}' must look like http://HOST:PORT or https://HOST:PORT\n"
            "https| {url} uses HTTPS: write https:// in its address\n"
            "read-plain| '{file}' can't be read: does it exist, and is it a regular file?\n"
            "longer-bytes| '{file}' is longer than {most:d} bytes or can't be read",
            "The address or the file of a key or certificate can't be used.",
            "Write --url http://HOST:PORT, and --key-file with a plain file."},
    message{"command.not-ollama", operation_reader,
            "get-api| GET /api/version of {url}: status {status:d}; is that an Ollama server?\n"
            "lists-model| {url} lists no model; 'corral list' says why.\n"
            "other-key| {url} answers with status {status:d}: it does not accept this key.",
            "What answers there is no Corral or Ollama, has no model, or knows another key.",
            "Give the right --url; 'corral status' on that box names it."},
    message{"command.bench-test", operation_reader,
            "nothing-came| Request timed out: no part of an answer came within {seconds} s\n"
            "no-further| Request timed out: the answer stalled for {seconds} s\n"
            "no-last-line| the answer ended without its last line\n"
            "empty| the answer is empty\n"
            "refused| {url} refuses every test: {why}\n"
            "repeats| a line of the answer is not one of flask_server.py's: {line}\n"
            "past-stop| the answer goes on past the stop text '{stop}'",
            "A test of the benchmark did not do what it asks.",
            "Ask the same with 'corral run MODEL', and look at 'corral logs MODEL'."},
    message{"command.list-note", operation_reader,
            "configuration| served as before the configuration had a mistake\n"
            "manifest| served as it was before its manifest had a mistake: {why}",
            "A reload was refused, so the model is served as it was.",
            "Fix what 'corral check' names, then run 'corral reload'."},
    message{"command.bench-plan", operation_reader,
            "no-set| there is no test set '{name}'; choose corral, rk3588, lengths, or a file that ends in "
            ".toml\n"
            "no-common| the run in '{folder}' (set '{before}') has no test in common with the set '{now}'\n"
            "folder| the folder '{folder}' can't be made: {why}\n"
            "set| the set of tests has a mistake: {problem}\n"
            "these-results| {name}: these are not results of 'corral bench'\n"
            "server-went| the server continued far beyond the limit of {tokens:d} tokens\n"
            "line-answer| a line of the answer is longer than 4 MiB\n"
            "server-says| the server says: {read}\n"
            "file-longer| {name}: the file is longer than 1 MiB",
            "The benchmark can't be run or compared as asked.",
            "Read 'corral bench --help' and docs/bench.md."},
    message{
        "command.bench-beside", operation_reader,
        "refused| {path} was refused with status {status:d}: {body}\n"
        "poll| the runtime answered a poll with something outside its protocol: {body}\n"
        "elsewhere| --beside starts the model's own runtime on this machine, and {url} is not the Corral "
        "of this machine. Leave --url out, or give the address of that runtime: --beside URL.\n"
        "remote| {model} runs on another server, so there is no runtime of its own here. Measure that "
        "server: --beside URL.\n"
        "dialect| --beside does not speak the protocol of the profile {profile} ({dialect}); it speaks "
        "those of ax-poll, openai-sse and ollama.\n"
        "one-client| the runtime of {model} has one client at a time, and a second one would take the first "
        "one's text. Leave --concurrency out.\n"
        "user| Corral runs as user {owner:d}, and a runtime that another user starts could leave files "
        "that Corral's can't write. Run this as that user: sudo -u '#{owner:d}' corral bench --beside.\n"
        "shared| the Corral of this machine serves {other} too, and may load it on the same card at any "
        "moment, beside the runtime that is measured by itself. Stop it first: corral stop {other}; "
        "then start it again: corral start {other}.\n"
        "not-stopped| {model} did not leave the card within {seconds:d} s, so its runtime is not started "
        "by itself: {why}. 'corral status' says what it does; 'corral start {model}' serves it again.\n"
        "not-ready| {model} is not ready again within {seconds:d} s: {why}\n"
        "own-start| the runtime of {model} did not start by itself: {why}\n"
        "no-answer| {url} did not answer one test: {why}\n"
        "no-list| {url} lists no model at /v1/models (status {status:d}); is that a server of OpenAI's "
        "kind?\n"
        "which-model| {url} has several models: {names}. Say which: --compare-model NAME.",
        "The runtime itself, or the server beside Corral, can't be measured as asked.",
        "Do what its last sentence says; docs/bench.md has how it is measured."},
    message{"drain.ended", operation_reader,
            "drain| the drain ended: Corral is being stopped\n"
            "taken| the drain was cancelled ('corral undrain') before the last answer had ended",
            "corral drain --wait stopped waiting; the box does not drain any more.",
            "Look at 'corral status', and run 'corral drain --wait' again where Corral runs."},
    message{
        "upgrade.refused", operation_reader,
        "upgrade-under| an upgrade is already under way\n"
        "corral-being| corral is being stopped\n"
        "server-shutting| the server is shutting down\n"
        "configuration-file| the configuration file is empty, or has no model any more; if that is "
        "wanted, run 'corral reload --allow-empty' first\n"
        "take-over| {program} can't take over: {report}\n"
        "looked-at| {program} can't be examined: {why}\n"
        "begin| {program} can't take over: it did not start within {seconds:d} s, because its disk does not "
        "respond\n"
        "answer| {program} can't take over: it did not answer within {seconds:d} s\n"
        "services-stop| the services of {name} did not stop in time\n"
        "other-answer| it does not answer as corral does\n"
        "other-format| it knows another version of the format\n"
        "busy| {open} did not end within {seconds:d} s\n"
        "state| '{folder}' of the state directory is closed to Corral's user; open it first: see 'ls -ld'\n"
        "given-up| the upgrade was given up, and all goes on as before: {why}\n"
        "not-now| upgrade: not now, one is under way\n"
        "not-stopping| upgrade: not now, corral is being stopped",
        "The new program did not take over; the old one goes on serving, nothing is lost.",
        "Fix the cause that is named, then run 'corral upgrade' again."},
    message{"upgrade.watching", operation_reader,
            "ended| Corral ended during the upgrade; its log says why ('journalctl -u corral' where systemd "
            "runs it)\n"
            "goes-on| the upgrade still goes on; see 'corral status'",
            "The command stopped watching.", "Look at 'corral status'."},
    message{"upgrade.handed-over", operation_reader,
            "handed-over| what was handed over can't be read\n"
            "over-names| what was handed over names descriptor {fd:d}, which is not open or not its own\n"
            "over-sealed| what was handed over is no sealed memory\n"
            "over-too| what was handed over is too long\n"
            "memory-handed| no memory for what is handed over\n"
            "number-descriptor| {variable} is not the number of a descriptor\n"
            "other-services| {name}: other services were handed over\n"
            "stays| {why}; it goes on where it was\n"
            "anew| {why}; it is started anew\n"
            "all-anew| {why}; everything is started anew\n"
            "other-configuration| model {model}: its configuration has changed; it is started anew\n"
            "over-read| what was handed over can't be read: {what}",
            "Of what the old image handed over something can't be used; that model is started anew.",
            "Nothing; corral status shows the load."},
    message{"daemon.warden", operation_reader,
            "start-warden| cannot start the warden: {what}\n"
            "warden-listen| the warden does not listen\n"
            "warden-handed| the warden that was handed over is not this process's own\n"
            "gone| the warden is gone and can't be started again, so services would outlive a killed Corral: "
            "{why}\n"
            "replaced| the warden had been killed, and was started again\n"
            "cannot-start| cannot start the warden: /proc can't be read",
            "The small process that kills all services when Corral is gone was lost or can't be started.",
            "Nothing where there is a new one; else dmesg, and systemctl restart corral."},
    message{"daemon.orphans", operation_reader,
            "the system does not give Corral the orphans of its services ({why}); a helper that outlives its "
            "service is still found by its mark and its control group, and another process reaps it",
            "A sandbox, an emulator or a kernel older than Linux 3.4 refuses PR_SET_CHILD_SUBREAPER.",
            "Nothing, as long as runtimes start no helpers that hide; else allow prctl in the sandbox."},
    message{"daemon.left-over", operation_reader,
            "killed process {pid:d}, left over from a run that was killed",
            "A service of an earlier run still lived and is gone now.", "Nothing."},
    message{"daemon.fault", operation_reader,
            "task| {group} task '{task}' ended by an exception: {what}\n"
            "handler| a request handler failed: {what}\n"
            "scheduler| the scheduler's task {task} failed: {what}\n"
            "tap| tokenizer tap: {what}\n"
            "control| control: '{verb}' met an exception: {what}\n"
            "request| request id={request} met an exception: {what}\n"
            "watchdog| the watchdog is no longer fed: {why}",
            "A fault of Corral's own; where it is the watchdog, systemd restarts Corral.",
            "Report it, with corral logs corral."},
    message{"daemon.loop-held", operation_reader,
            "held| Corral stood still for {ms} ms (at most so far {most}) by {what}\n"
            "no-clock| what makes Corral stand still can't be watched: its thread has no clock here",
            "Something kept all else waiting for longer than 2 ms.", "Report it, where it is often."},
    message{"daemon.descriptors", operation_reader,
            "few| 'max_connections' is {wanted:d}, but this process may have {most:d} open files, of which "
            "{kept:d} are kept for its own work: about {clients:d} clients can be connected; raise "
            "LimitNOFILE of the unit ('ulimit -n'), or lower 'max_connections'\n"
            "accept| can't accept a connection: {why}",
            "The limit of open files is below what the configuration allows.",
            "Raise LimitNOFILE in the unit."},
    message{
        "daemon.log", operation_reader,
        "no-thread| the log has no thread of its own and waits for its reader: {why}\n"
        "dropped| {lines:d} log lines were dropped because standard error was read too slowly\n"
        "journal| {lines:d} log lines were dropped because the journal accepted none\n"
        "systemd| systemd could not be notified of '{state}': {why}\n"
        "black-box| the black box can't be kept, everything else continues: {why}",
        "Part of the record can't be kept; clients are served all the same.",
        "Look at its path with 'df -h' and 'ls -ld', else at 'journalctl -u corral' and the limits of the "
        "unit."},
    message{"daemon.refused-client", operation_reader, "client={client} {method} {path} refused: {why}",
            "A client was turned away; its address, the path and the reason follow.",
            "Nothing, or a key for that client."},
    message{
        "daemon.refused-proxy", operation_reader,
        "late| refused a connection from {address}, one of 'proxy_protocol_from': its PROXY protocol header "
        "did not come to its end; set 'send-proxy-v2' for this server on the proxy, or take the address out "
        "of 'proxy_protocol_from'\n"
        "refused a connection from {address}, one of 'proxy_protocol_from': its PROXY protocol header is not "
        "usable, {why}; set 'send-proxy-v2' for this server on the proxy, or take the address out of "
        "'proxy_protocol_from'",
        "Connections from that address must begin with a PROXY protocol header; this one had none, or a "
        "broken one.",
        "Set 'send-proxy-v2' for this server on the balancer, or take the address out of the list."},
    message{"daemon.variant-left-out", operation_reader,
            "left-out| a model that a client made is left out: {what}\n"
            "file| a model that a client made is left out: '{file}': {why}\n"
            "configured| model {model}: the one that a client made is left out, the configuration has one\n"
            "below| model {model}: is not served while the model {below} below it is not\n"
            "no-folder| clients can't make models: {why}\n"
            "folder-models| the folder '{folder}' for models made by clients cannot be used: {why}\n"
            "delete-some| {what}; delete some\n"
            "newer-version| a newer version of Corral wrote it\n"
            "empty| it is empty",
            "A model made by a client is not served just now; its file stays.",
            "Fix what is named, then corral reload."},
    message{"model.place-changed", operation_reader,
            "model {model}: what changed about its places takes effect when it is next started",
            "A reload changed cards or ports of a running model.",
            "Run 'corral restart MODEL' at a good moment."},
};

}  // namespace corral::core::messages

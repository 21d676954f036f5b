#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto command_reader = message_reader::operators;

inline constexpr std::array command_table{
    message{"command.support-name", command_reader,
            "'{file}' names an archive, but a support file is plain text. Use a name that ends in .txt, and "
            "compress it afterwards.",
            "A support file is text, to be read before it is sent.", "Say --output NAME.txt."},
    message{"command.not-running", command_reader,
            "plain| Corral is not running. Start it: {command}.\n"
            "silent| Corral is running on port {port:d} (process {pid:d}), but this command can't reach its "
            "admin socket. Use --url if the command has it; 'corral doctor' says more.\n"
            "other-user| Corral is running as '{user}', not as this user. Run the command as that user: "
            "{command}; {start} starts your own.",
            "No daemon answers in the usual places.",
            "Start it; --verbose names the places that were tried."},
    message{"command.not-written", command_reader,
            "can't write everything to standard output; check whether the disk is full",
            "The printed text is incomplete.", "Make room, and run the command again."},
    message{"command.other-daemon", command_reader,
            "corral| The running Corral serves another configuration{other}; none runs with {config}. Start "
            "one: 'corral serve --config {config}'.",
            "A daemon answers, but not that of --config.",
            "Start one of its own with 'corral serve --config FILE', or leave --config out."},
    message{
        "command.unknown", command_reader,
        "service| model '{model}' has no service '{service}'; did you mean '{name}'?\n"
        "services| model '{model}' has no service '{service}'; its services are {names}\n"
        "which| several models have a service '{service}'; specify one of {names}\n"
        "command| there is no command '{command}'. 'corral help' names all.\n"
        "command-meant| there is no command '{command}'; did you mean '{meant}'? 'corral help' names all.\n"
        "chat| there is no command '{command}'; /bye ends, /clear forgets\n"
        "inner| '{called}' has no command '{command}'.\n"
        "option| 'corral{called}' has no option '{option}'.\n"
        "option-meant| 'corral{called}' has no option '{option}'; did you mean '{meant}'?\n"
        "many| unexpected argument '{word}' for 'corral{called}'.\n"
        "early| put {option} after 'corral{called}'.\n"
        "needs| 'corral{called}' needs a subcommand: {words}.\n"
        "help| {said} 'corral help{command}' explains it.",
        "The word is not a command, option or service; the closest match is suggested.",
        "Use the suggested word; 'corral help' lists all."},
    message{"catalogue.other-box", command_reader, "this box is {box}, and {model} has packages for {kinds}",
            "The catalogue has this model for other boards only.",
            "Choose another model with 'corral search', or name a package with 'corral pull "
            "hf.co/OWNER/REPOSITORY'."},
    message{"catalogue.no-such-model", command_reader,
            "none| the catalogue has no model '{model}'; 'corral search' lists those it has\n"
            "tags| the catalogue has no model '{model}'; for this box it has {tags}\n"
            "search| the catalogue has no such model; 'corral search' without words lists all, and 'corral "
            "pull hf.co/OWNER/REPOSITORY' fetches a package that is not in the catalogue",
            "No name, family or capability of the catalogue has all of the words.",
            "List all with 'corral search', or name a package with 'corral pull hf.co/OWNER/REPOSITORY'."},
    message{"remove.not-pulled", command_reader,
            "pull-brought| the package {entry} of '{name}' was not pulled, so its files stay; 'corral rm "
            "{profile}' removes only the manifest\n"
            "marker| it was not pulled: it has no .corral-pull.json",
            "Only packages that 'corral pull' or a client's pull downloaded are removed.",
            "Remove the model with 'corral rm MODEL', and its folder by hand."},
    message{"remove.shared", command_reader,
            "package-also| the package {entry} is also used by {users}, so its files stay; remove that model "
            "first",
            "Another model runs from the same folder.", "Remove that model first, with 'corral rm MODEL'."},
    message{"remove.unknown-use", command_reader,
            "use| a manifest has a mistake, so the packages in use are not known; 'corral check' names the "
            "manifest\n"
            "manifest-mistake| the manifest of '{model}' has a mistake, so its package is not known; run "
            "'corral rm {name}', then 'corral prune'",
            "A model that can't be read may be the one that uses a package.",
            "Run 'corral check', and fix the mistake that it names."},
    message{"remove.files-stay", command_reader,
            "model| the model is removed, its files are not: {why}\n"
            "remove| can't remove '{file}': {why}\n"
            "remove-what| can't remove {what}\n"
            "folder| there is no such folder\n"
            "pull| a pull is in progress there; try again when it has finished\n"
            "remove-what-why| can't remove {what}: {why}",
            "The files, or some of them, are still on the disk.",
            "Fix what it says, often whose files they are, then run 'corral prune'."},
    message{"remove.nothing", command_reader, "nothing was removed: {why}",
            "The daemon could not unload the model or read its configuration again; all is as before.",
            "Fix what the sentence behind it says, then run the same command again."},
    message{"command.no-model-there", command_reader,
            "there| there is no model '{model}' at {url}{meant}{what}",
            "The server that was asked lists other names.", "Use one of the names it lists."},
    message{"command.key-wanted", command_reader,
            "box| {url} requires an API key. Pass it with --key-file or OLLAMA_API_KEY.\n"
            "unknown| {url} does not accept this key. Its operator can create one with 'corral key new NAME "
            "--scope observe,operate'.\n"
            "answers| {url} answers with status {status:d}: it requires an API key. Pass it with --key-file "
            "or OLLAMA_API_KEY.",
            "The server answers only with a key.", "Pass the key with --key-file FILE or OLLAMA_API_KEY."},
    message{"command.not-trusted", command_reader,
            "certificate-trusted| the certificate of {name} is not trusted: {why}\n"
            "ca-file| {untrusted}. If it is self-signed, pass it with --ca-file FILE",
            "Nothing was sent: the server could not prove who it is.",
            "Pass its certificate with --ca-file FILE, if it is self-signed."},
    message{"configuration.unknown-key", command_reader,
            "valid| unknown key '{key}' in {table}; valid keys are {keys}\n"
            "meant| unknown key '{key}' in {table}; did you mean '{meant}'?\n"
            "models| a manifest holds one model: leave out [[models]], and write [variables] for "
            "[models.variables]",
            "A word in the file is no key; the nearest is named. At a start nothing is served, at a reload "
            "all stays.",
            "Fix the line; 'corral check' names file, line and column of every mistake."},
    message{"configuration.open-door", command_reader,
            "without [tls] the API keys cross the network unencrypted, and anyone on it can read them",
            "The keys can be read on the way.", "Add [tls], or put a proxy in front that speaks it."},
    message{"command.other-user", command_reader,
            "user| Corral runs as another user, '{user}'. Run the command as that user: {command}, or with "
            "sudo.\n"
            "root| Corral runs as another user, 'root'. Run the command with sudo: 'sudo corral ...'.\n"
            "unknown| Corral runs as another user: {path} is closed to this one. Run the command with sudo.",
            "The admin socket is open to Corral's own user and root.",
            "Ask as that user or as root: sudo corral …."},
    message{"command.no-socket", command_reader,
            "there is no socket {socket}; without --socket, the standard locations are tried",
            "The path behind --socket names nothing.", "Fix the path, or leave the option out."},
    message{"command.socket-off", command_reader, "the admin socket is disabled in the configuration",
            "admin_socket = \"\" in the file.", "Remove that line to use the command."},
    message{"command.cant-ask", command_reader, "corral-asked| can't query Corral at {what}: {why}",
            "The socket is there, but answers with an error.", "Run 'corral doctor'."},
    message{"command.already-serves", command_reader,
            "another-corral| another Corral{number} already answers at '{what}'; stop it, or set another "
            "'admin_socket' and 'state_directory'\n"
            "state| another Corral keeps its state in '{folder}'; stop it, or set another 'state_directory'",
            "One runs with this socket, or with this state directory.",
            "See how it is with 'corral status'. Stop it, or give the new one another admin_socket and "
            "state_directory."},
    message{"command.not-yes", command_reader,
            "this would remove {file}; without a terminal, confirm with --yes",
            "The command would remove something and has no terminal to ask on.", "Add --yes."},
    message{"command.empty-name", command_reader,
            "the name is empty, perhaps an unset variable; omit it to mean all models",
            "An empty name could mean all models, or be a mistake of a script. Nothing was done.",
            "Name a model, or leave the word out."},
    message{"command.nothing-to-ask", command_reader,
            "no question given: use 'corral run MODEL \"question\"'", "Neither words nor input came.",
            "Write 'corral run MODEL \"question\"'."},
    message{
        "configuration.open-network", command_reader,
        "listening| listening on {address} would let every machine of the network in without a key; make a "
        "key with 'corral key new NAME --file FILE' and name the file as 'keys' in [access], or listen on "
        "127.0.0.1, or set 'allow_unauthenticated = true' if that is wanted\n"
        "socket| the socket of the service manager at {at} would let every machine of the network in without "
        "a key; make a key with 'corral key new NAME --file FILE' and name the file as 'keys' in [access], "
        "or set 'allow_unauthenticated = true' if that is wanted",
        "listen reaches other machines, and no key is asked for. Corral does not start so.",
        "Ask for keys by [access] keys, or listen on 127.0.0.1."},
    message{"configuration.no-key", command_reader,
            "'{file}' contains no keys, so every client is refused; 'corral key new NAME' creates one",
            "The key file is empty.", "Make one with 'corral key new NAME'."},
    message{"configuration.readable-keys", command_reader,
            "every user of this machine can read or change '{file}'; run: chmod o-rw '{file}'\n"
            "private| every user of this machine can read the private key '{file}'; run: chmod o-r '{file}'",
            "The key file, or that of the private key, is open to every user.",
            "Close it by the command in the sentence."},
    message{
        "configuration.certificate-old", command_reader,
        "the certificate in '{file}' expired on {date}; clients will refuse it\n"
        "early| the certificate in '{file}' is not valid before {date}; clients will refuse it until then",
        "The certificate has expired, or is not valid yet.", "Renew it; it is read again by itself."},
    message{
        "configuration.not-an-address", command_reader,
        "address-listen| \"{what}\" is not an address to listen on; write ADDRESS:PORT, such as "
        "\"127.0.0.1:11434\"",
        "listen must be an IP address or localhost, with a port.",
        "Write an address and a port, such as \"127.0.0.1:11434\"; 'corral check' names file, line and key."},
    message{"configuration.not-a-name", command_reader,
            "model| '{typed}' is not a model name; write NAME or NAME:TAG, such as qwen3:4b",
            "The value can't be meant.", "Write NAME or NAME:TAG; 'corral check' names file, line and key."},
    message{"configuration.cant-claim-tools", command_reader,
            "model| model '{name}' can't claim 'tools': its family '{family}' has no form for calling them",
            "The chat family writes no tool calls.", "Write another family, or capabilities without tools."},
    message{"configuration.cant-claim-thinking", command_reader,
            "model| model '{name}' can't claim 'thinking': its family '{family}' does not write <think>",
            "The chat family writes no thoughts apart.",
            "Write another family, or capabilities without thinking."},
    message{"configuration.keys-kept", command_reader, "the API keys stay as they were: {why}",
            "A changed key file is wrong; the old keys stay in force.",
            "Fix the file; it is read again by itself."},
    message{"configuration.certificate-kept", command_reader, "the TLS certificate stays as it was: {why}",
            "A changed certificate or key is wrong; the old pair stays in force.",
            "Fix the files; they are read again by themselves."},
    message{"command.report", command_reader,
            "unreachable| incidents can't be sent to {url}: {why}\n"
            "answers| {url} did not accept the incidents: status {status:d}",
            "The address of [report] did not take an incident. It is kept, and sent later.",
            "Look at that server, and at 'to' and 'key_file' of [report]."},
    message{"tokens.text", command_reader,
            "message| {file} holds a message that is not text from a system, user or assistant.\n"
            "list| {file} does not hold a list of messages. Write it as a client sends it: [{{\"role\": "
            "\"user\", \"content\": \"Hi\"}}].\n"
            "unreadable| {file} can't be read: {why}.\n"
            "long| A text may have 1 MiB at most.\n"
            "none| There is no text. Pass it after the model, or pipe it in.",
            "What 'corral tokens' should look at is missing, or not of the form that it takes.",
            "Do what the sentence says; 'corral help tokens' has examples."},
    message{"tokens.model", command_reader,
            "none| There is no model '{model}'. 'corral list' names all models.\n"
            "no-file| There is no model '{model}', nor such a file. 'corral list' names all models.\n"
            "service| {model} has no tokenizer service: its runtime (profile {profile}) tokenizes texts "
            "itself and reports no ids.\n"
            "ended| The tokenizer service of {model} ended by itself{words}. 'corral check' looks at its "
            "files.\n"
            "late| The tokenizer service of {model} did not answer within 3 min{words}. 'corral check' looks "
            "at its files.",
            "The model's own tokenizer could not be asked.",
            "Choose a model with a tokenizer service, or fix its package as 'corral doctor MODEL' says."},
    message{"tokens.file", command_reader,
            "kind| {file} is not a file.\n"
            "large| {file} is larger than 64 MiB, too large for a tokenizer.json.\n"
            "python| The text could not be handed to Python.\n"
            "late| {file} was not read within {seconds:d} s.\n"
            "much| {file} turns the text into more than 32 MiB.\n"
            "failed| {file} could not be read by the Python package tokenizers{how}\n"
            "answer| {file}: Python's answer about it can't be read.\n"
            "library| {file} needs the Python package tokenizers, which none of {pythons} has. Run: sudo "
            "python3 -m venv --system-site-packages /opt/corral-python && sudo /opt/corral-python/bin/pip "
            "install tokenizers.",
            "The tokenizer.json to compare with could not be used.",
            "Name a tokenizer.json of the model, and install the package that reads it."},
    message{"connect.client", command_reader,
            "none| there is no client '{client}'. 'corral connect' lists all.\n"
            "meant| there is no client '{client}'; did you mean '{meant}'? 'corral connect' lists all.",
            "The word is not a known client.", "Use the suggested name; 'corral connect' lists all."},
    message{"connect.merge", command_reader,
            "no-json| it is not JSON, even with comments\n"
            "other-kind| its '{key}' is not the list or object to add to\n"
            "stays| '{file}' can't be merged safely: {why}; it is left unchanged. Add by hand what 'corral "
            "connect {client}' prints.",
            "The client's file could lose something by an automatic change.",
            "Add the printed lines by hand, or fix the file and run the command again."},
    message{
        "connect.place", command_reader,
        "no-home| HOME names no folder, so no file can be written; set HOME, or copy what 'corral "
        "connect {client}' prints\n"
        "sudo| with sudo this would write the files of root; run it as {user}, without sudo\n"
        "other-home| the folder of HOME, '{home}', belongs to another user; run this as that user\n"
        "dangling| '{file}' is a dangling link; remove it, or create its target\n"
        "read-only| '{file}' is read-only; make it writable with 'chmod u+w', or add the printed lines where "
        "it is made\n"
        "not-ours| '{file}' was not written by 'corral connect', or was edited since; move it away and run "
        "this again\n"
        "by-hand| {client} is set up by hand: do what 'corral connect {name}' prints",
        "The file of a client was not touched.", "Do what the sentence says, then run the command again."},
    message{
        "connect.undo", command_reader,
        "nothing| nothing to undo: 'corral connect {client} --write' was not run here, or was undone "
        "already\n"
        "changed| '{file}' was changed since, so nothing was undone; its previous content is in '{record}' "
        "under \"before\"\n"
        "unreadable| the record '{record}' can't be read; take the lines out of the client's file by hand",
        "The file of a client stays as it is.", "Take the lines out by hand."},
    message{"connect.model", command_reader,
            "none| {url} serves no model that writes text; 'corral list' shows its models\n"
            "odd-name| {url} names a model with characters that client files can't hold; choose another with "
            "--model",
            "There is no model to set for a client.", "Pull a model, or name one by --model."},
};

}  // namespace corral::core::messages

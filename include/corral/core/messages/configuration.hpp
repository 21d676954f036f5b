#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto configuration_reader = message_reader::operators;

inline constexpr std::array configuration_table{
    message{"configuration.unreadable", configuration_reader,
            "cannot-read| '{what}' cannot be read\n"
            "sudo| cannot be read; run this with sudo, or let your user read it\n"
            "large| is larger than 1 MiB, too large for a configuration\n"
            "closed| cannot be read: {why}; run this with sudo\n"
            "exception| can't be read: {what}\n"
            "folder| the folder of manifests can't be read: {why}",
            "The file is there and can't be read by the user that runs Corral.",
            "Look at its owner with 'ls -l FILE', then 'sudo chown corral FILE' or 'chmod u+r FILE'."},
    message{"configuration.no-file", configuration_reader,
            "file| cannot be read: it is not a file; name the file itself\n"
            "link| cannot be read: it is a link to '{target}', which is not there; mount its disk, or fix "
            "the link\n"
            "name| cannot be read: {why}; check its name",
            "There is nothing of that name, or it is a folder or a device.", "Look at it with 'ls -l FILE'."},
    message{"configuration.not-toml", configuration_reader,
            "flag| '{key}': write true or false, in lower case, without quotes; strings must be quoted; "
            "{error}\n"
            "quotes| strings must be quoted: {key} = \"...\"; {error}\n"
            "toml| this is not TOML: {error}",
            "The file can't be parsed, so none of it takes effect.",
            "Fix that line; strings of TOML stand in double quotes."},
    message{"configuration.manifests", configuration_reader,
            "holds more than {most-manifests:d} manifests; those after '{name}' are not read",
            "A folder of manifests is read up to a bound, so that a wrong folder costs nothing.",
            "Take out what is no model's, or name another folder by models_directory."},
    message{"configuration.passed-over", configuration_reader,
            "file| is not read as a manifest: rename it, so that its name ends in '.toml'\n"
            "folder| '{key}' names {folder}, which is not there\n"
            "no-folder| '{key}' names {folder}, which is not a folder\n"
            "tilde| '{key}' begins with '~', which is not expanded here; write the full path",
            "A file or folder that looks as if it was meant has no effect.",
            "Fix its name; a folder may be on a disk that isn't mounted."},
    message{"configuration.missing-key", configuration_reader,
            "images| [traits.images] must say 'types' or 'none'\n"
            "count| 'count' is missing: which variable says how many files there are\n"
            "command| 'command' is missing in [device]\n"
            "missing| '{key}' is missing in [[services]]\n"
            "status| 'status' is missing in [[exits]]\n"
            "missing-2| {key} is missing in {name}\n"
            "target| 'target' is missing in [traits.idle]\n"
            "cancel| cancel = \"call\" needs 'cancel_target'\n"
            "traits| 'target' is missing in [traits.embedding]",
            "A key without a default is not given.",
            "Write it at the place named; docs/configuration.md has an example of each table."},
    message{"configuration.wrong-type", configuration_reader,
            "plain| {key} must be {wanted}, not {what}\n"
            "letters| '{key}' must be 1 to 64 letters, digits, '_', '.' or '-', not '{what}'\n"
            "address| '{key}' must be ADDRESS:PORT such as \"0.0.0.0:8080\", not '{text}'\n"
            "host| 'address' must be HOST:PORT such as \"10.0.0.7:11434\", not '{text}'\n"
            "buffer| 'buffer' must be from \"16KiB\" to \"32MiB\", not '{text}'\n"
            "empty| {key} must not be empty\n"
            "hold| {key} must not hold a zero byte\n"
            "text| {key} must not hold an empty string\n"
            "whole| {name} must be a string or a whole number; a top-level key must come before the first "
            "[table]\n"
            "name| 'name' must not be empty, longer than 64 bytes, or hold control characters",
            "The value has another type than the key takes, or is empty.",
            "Write the type that is named; strings are quoted, numbers and true/false are not."},
    message{"configuration.out-of-range", configuration_reader,
            "more| '{floor}' must not be more than '{ceiling}'\n"
            "less| '{ceiling}' must not be less than '{own}'\n"
            "max| 'max_backoff' must not be less than 'first_backoff'\n"
            "buffered| 'max_buffered_body_bytes' is for all connections and must not be less than "
            "'max_body_bytes'\n"
            "patience| 'patience_ceiling' must not be less than 'patience'\n"
            "interval| 'interval' must be 0 or at least 100ms\n"
            "whole| '{key}' must be in whole seconds\n"
            "status| '{what}' is not a status from 400 to 599\n"
            "model| a model has at most {most-aliases:d} aliases\n"
            "fallbacks| a model has at most {most-fallbacks:d} fallbacks\n"
            "service| a service has at most 8 further ports\n"
            "rendered| a service has at most 8 rendered files\n"
            "json| 'json' is longer than 64 KiB\n"
            "none| '{key}' must be 0 (none) or at least {least:d} bytes\n"
            "hub| '{text}' is not the address of a hub; write it as \"https://huggingface.co\"\n"
            "size| '{text}' is not a size; write a number of bytes, or \"20MB\", \"1.5GB\", \"512KiB\"\n"
            "memory| 'memory_mb' must be 0 or at least 16\n"
            "tasks| 'tasks' must be 0 or at least 16\n"
            "limit| 'limit_memory_mb' must be 0 or at least 16\n"
            "files| 'limit_files' must be 0 or at least 16\n"
            "between| {key} must be between {least} and {most}, not {get}",
            "The number is outside of what makes sense; the bounds are named.",
            "Write a number within them."},
    message{"configuration.not-a-duration", configuration_reader,
            "duration| {key} must be a duration such as \"500ms\", \"30s\" or \"1h30m\", not \"{get}\"\n"
            "time| '{text}' is not a keep-alive time; write \"forever\", \"30m\", or a number of seconds",
            "The value is not a duration.",
            "Write a number with its unit, such as \"500ms\", \"30s\" or \"1h30m\"."},
    message{"configuration.not-one-of", configuration_reader,
            "only| the only placeholder here is {{card}}\n"
            "variable| there is no variable '{name}'\n"
            "neither| '{text}' is neither a number nor a variable of this profile\n"
            "unknown| unknown placeholder {{{name}}}{meant}\n"
            "signal| unknown signal '{name}'{meant}\n"
            "one| {key} must be one of {choices}, not '{get}'{meant}\n"
            "there| there is no family '{family}'{names}\n"
            "capability| '{what}' is not a capability that is served{known}\n"
            "profile| profile '{name}' wants the dialect '{dialect}', which does not exist{known}\n"
            "there-profile| there is no profile '{name}'{profiles}\n"
            "service| profile '{name}' has no service '{name}'{names}\n"
            "nothing| nothing uses the variable '{name}'{names}\n"
            "device| there is no device format '{format}'{names}",
            "The word is not a known one; the closest match is suggested.",
            "Use one of the words that the message lists."},
    message{
        "configuration.bad-form", configuration_reader,
        "command| 'command' must begin with the program\n"
        "target| 'target' must begin with '/'\n"
        "begin| '{key}' must begin with '/'\n"
        "variable| the variable name '{name}' may hold only a-z, 0-9 and '_'\n"
        "vocabulary| 'vocabulary' is not a variable; it is a key of the table 'context'\n"
        "taken| the variable name '{name}' is taken: Corral fills in {{{name}}} itself\n"
        "service-scheme| \"{url}\" is not a service's address: it must begin with http://\n"
        "service-more| \"{url}\" is not a service's address: it must end after the port, without '/'\n"
        "service-port| \"{url}\" is not a service's address: its port must be {{port}} or a number from 1 to "
        "65535\n"
        "service-host| \"{url}\" is not a service's address: its host must be 'localhost' or a loopback "
        "address such as 127.0.0.1\n"
        "service-no-port| \"{url}\" is not a service's address: it must name a port, such as "
        "http://127.0.0.1:{{port}}\n"
        "environment| '{name}' is not a name for an environment variable\n"
        "working| 'working_directory' of a profile must begin with '/' or a placeholder such as {{package}}\n"
        "guard| 'guard_library' of a profile must begin with '/'\n"
        "device| a device file must be a path below /dev/ of letters, digits and _-.: such as "
        "\"/dev/axcl_host\"; * and ? may stand in its last part\n"
        "end| '{key}' must end with SIGKILL to the group: nothing else is sure to end it\n"
        "kind| '{key}' means something only with kind = {kinds}\n"
        "range-addresses| '{what}' is not an address range: {why}\n"
        "url-scheme| \"{url}\" must begin with http://\n"
        "url-more| \"{url}\" must be only http://ADDRESS:PORT\n"
        "url-port| \"{url}\" must name a port from 1 to 65535\n"
        "url-no-port| \"{url}\" must name a port\n"
        "url-host| \"{url}\" must name an IP address or localhost\n"
        "pci| 'pci' must be vendor and device in small hexadecimal digits, such as \"1f4b:0650\"\n"
        "unit| 'unit' must be a word of up to {longest-unit:d} bytes, such as \"AICore\"\n"
        "path| 'path' must be relative to the package, without '..'\n"
        "vectors| 'vectors' must be a JSON pointer with one '*', such as \"/data/*/embedding\"\n"
        "name| 'name' of a service may hold only a-z, 0-9 and '_'\n"
        "hold| '{name}' may hold only a-z, 0-9 and '_'",
        "The value has the right type, but not the form that the key needs.",
        "Write it as the message says; docs/configuration.md has an example."},
    message{"configuration.twice", configuration_reader,
            "there| '{name}' is listed twice\n"
            "service| service '{name}' is defined twice\n"
            "status| status {status:d} is explained twice\n"
            "name-model| '{what}' is already a name of this model\n"
            "cards| 'cards' names {what} twice\n"
            "model| a model named '{name}' is already defined{twin} (names are case-insensitive)\n"
            "already| '{name}' is already an alias of model '{name}'{twin}\n"
            "name| '{what}' is already a name of model '{name}'{other}",
            "Two things would have the same name; only one could be reached.",
            "Choose another name for one of them; each manifest's file is named."},
    message{
        "configuration.port-twice", configuration_reader,
        "service| service '{name}' of model '{name}' wants port {port:d}, which is already that of {second}\n"
        "agent| 'agent' has the port of 'listen'; give it one of its own",
        "Two services can't listen at one port.",
        "Write another port, or port = 0 and {port} in the command. One that is compiled into the program "
        "is moved by the port guard alone (guard = \"warn\")."},
    message{"configuration.compiled-port", configuration_reader,
            "port {port:d} is compiled into the program of service '{name}', whose command does not name "
            "{{port}}; leave '{key}' out: the port guard moves it",
            "The program would listen at its own port all the same, and Corral wait at the other one.",
            "Take the line out; guard = \"warn\" gives each service a port of its own. For a program with "
            "another one, say its 'command' too."},
    message{"configuration.profile-services", configuration_reader,
            "profile| a profile needs at least one [[services]]; for a server that is managed elsewhere, set "
            "'remote = true'\n"
            "remote| a profile with 'remote = true' has no [[services]]",
            "The profile says neither what to start nor that another starts it.",
            "Add [[services]] or remote = true."},
    message{"configuration.cards", configuration_reader,
            "cards| 'cards' must name at least one card\n"
            "name| 'cards' may name at most {most-card-sets:d} card sets; take some out\n"
            "place| '{what}' is not a card set; write the number of a card, such as 0, or \"0,1\" for one "
            "process on two cards\n"
            "model| model '{name}' names several places, but no service is told which: put {{devices}} into "
            "a command, such as \"--devices\", \"{{devices}}\"\n"
            "names| model '{name}' names several places, but its service '{name}' has the one port {port:d}; "
            "say port = 0 and put {{port}} into its command\n"
            "instances| 'instances' is {instances:d}, but 'cards' names {places}; each instance needs its "
            "own, such as cards = [0, 1]",
            "Instances and cards do not fit together.", "One place for each instance: cards = [0, 1]."},
    message{"configuration.capabilities", configuration_reader,
            "capabilities| 'capabilities' must hold 'completion' or 'embedding'\n"
            "model| model '{name}' can't claim 'embedding': its profile '{name}' knows no way to ask for "
            "vectors\n"
            "claim| model '{name}' can't claim 'vision': {none} (profile '{name}')\n"
            "insert| model '{name}' can't claim 'insert': its family '{family}' fills no holes",
            "The manifest claims what profile or family can't do.", "Take the word out of capabilities."},
    message{"configuration.never-thinks", configuration_reader,
            "model| model '{name}' can't claim 'thinking': the tokenizer script of its package appends "
            "/no_think to every user turn, so that the model never thinks; take 'thinking' out, or use a "
            "script that leaves it off and say 'package_forbids_thinking = false'",
            "The package's own script forbids thinking.", "As the sentence says."},
    message{
        "configuration.variable", configuration_reader,
        "needs| {called} needs the variable '{name}': {about}\n"
        "variables| {called} needs the variables {what}; 'corral import DIR' reads them from the package\n"
        "vocabulary| {called} needs 'vocabulary' in its table 'context': the rows of its embedding, which "
        "also bound top_k",
        "The profile's command has a place that the manifest does not fill.",
        "Run 'corral import DIR', which fills in all that a package tells."},
    message{"configuration.means-nothing", configuration_reader,
            "failback| 'failback_after' has no effect without a 'fallbacks' table\n"
            "unauthenticated| 'allow_unauthenticated' has no effect beside [access]: every request needs a "
            "key\n"
            "folder| without a state directory, model variants can't be kept; set 'state_directory'",
            "A setting has no effect without another.", "As the sentence says."},
    message{"configuration.profile-mistake", configuration_reader,
            "the profile has mistakes; they are listed with another {whose}",
            "The mistakes stand at the first model of that profile.", "Fix the profile."},
    message{"configuration.environment", configuration_reader,
            "number| '{text}' is not a number from {least:d} to {most:d}; the default stays\n"
            "duration| '{text}' is not a duration; the default stays\n"
            "hub| HF_ENDPOINT is not the address of a hub, so it has no effect; write it as "
            "https://huggingface.co",
            "A variable of the environment that Ollama also reads has no usable value.",
            "Fix it in the unit (systemctl edit corral), or unset it."},
    message{"configuration.listen-name", configuration_reader,
            "neither-localhost| '{host}' is neither 'localhost' nor an IP address; host names are not "
            "resolved for listening\n"
            "must-end| \"{what}\" must end in a port from 0 to 65535",
            "listen is an address and a port.",
            "Write listen = \"127.0.0.1:11434\"; for all interfaces \"0.0.0.0:11434\" with [access] keys."},
    message{"configuration.no-models", configuration_reader,
            "there is no model to serve; 'corral pull NAME' fetches one, 'corral import DIR' makes one of a "
            "vendor's folder, in {folder}",
            "Corral runs and has no manifest.",
            "Run 'corral pull NAME' or 'corral import DIR'; a running Corral takes the model up by itself."},
    message{
        "configuration.stands-in", configuration_reader,
        "served| the configuration has a mistake, so Corral serves {served}; a corrected file is picked up "
        "automatically\n"
        "good-copy| the last good copy '{place}' can't be used: {why}\n"
        "last-good| there is no last good copy of it yet\n"
        "folder-last| there is no folder for a last good copy\n"
        "copy| no copy of the configuration can be kept for a start with a mistake in the file: {why}",
        "A start with a mistake in the file serves the last good copy from the state directory.",
        "Fix the mistake that 'corral check' names; a running Corral picks up the corrected file by "
        "itself. Where no copy can be written: look at its path with 'df -h' and 'ls -ld'."},
    message{
        "configuration.newer-state", configuration_reader,
        "written-newer| '{file}' was written by a newer version of Corral and is left as it is; install that "
        "version again, or move the file away\n"
        "keys| a newer version of Corral wrote this key file; install that version again, or make the "
        "keys anew in another file",
        "After a downgrade a file of the state directory is of a format that this version doesn't know; it "
        "is neither read nor replaced.",
        "Install the newer version again, or move the file away: what it kept is then learned or made anew."},
    message{"configuration.open-until-restart", configuration_reader,
            "Corral keeps listening at {door} until it is restarted, and without [access] every machine on "
            "the network could use it without a key; restart it, or keep [access]",
            "A running Corral keeps its address where it can't take another.", "As the sentence says."},
    message{"configuration.wiped", configuration_reader,
            "is empty, perhaps because writing it was interrupted; if that is intended, run 'corral reload "
            "--allow-empty'",
            "The file was not empty before, and a power cut leaves such files.",
            "Write it again, or say that it is to be empty."},
    message{"configuration.left-out", configuration_reader,
            "file| {file} is left out until that is fixed; then run 'corral reload'\n"
            "model| {file}, model {name}, is left out until that is fixed; then run 'corral reload'",
            "A manifest with a mistake costs its own model alone.",
            "Fix what the line before names, then run 'corral reload'."},
    message{"configuration.warned", configuration_reader,
            "start| '{key}' takes effect at the next start\n"
            "address| the new address takes effect when Corral is restarted\n"
            "reload| reload: warning: {what}",
            "The configuration was read again, and a line of it has a warning, or counts only from the next "
            "start on.",
            "Restart Corral when it suits; 'corral check' names file, line and column of what it warns of."},
    message{"configuration.not-reloaded", configuration_reader,
            "nothing| the configuration was not reloaded: nothing has changed\n"
            "reload| reload: refused: {why}",
            "A reload took nothing over; all stays as it was.",
            "Fix every mistake that 'corral check' names, then reload again."},
    message{"configuration.left-out-tier", configuration_reader, "{deployment}: {why}; it is left out",
            "One model can't be served as it is configured; all others are.",
            "Fix the cause, which the sentence before it names."},
    message{"configuration.door-waits", configuration_reader,
            "waits| all clients are refused, because Corral waits for {what}: {why}\n"
            "find| can't find '{file}': {what}\n"
            "closed| {why}; Corral runs as '{user}': sudo chown {user} {word}",
            "A key file, a certificate or its key is not there yet; Corral looks for it again by itself.",
            "Put the file there, readable for Corral's user."},
    message{"configuration.no-group", configuration_reader,
            "there is no group '{group}' on this machine, so 'operators' lets nobody in",
            "The group that 'operators' in [access] names is unknown to the system.",
            "Correct its name, or make it: sudo groupadd --system GROUP; sudo usermod -aG GROUP USER."},
    message{"configuration.closed", configuration_reader,
            "{path} is closed to the user '{user}', who runs Corral",
            "Root can read the file, and the user that Corral runs as can't.",
            "Run the command that is named with it."},
    message{"catalogue.bad-entry", configuration_reader,
            "package| a package needs one of 'hub', 'folder' and 'local'\n"
            "path| 'path' must stay within the package, which '{path}' does not\n"
            "sha| 'sha256' must be 64 hexadecimal digits\n"
            "files| a package has at most 10000 files\n"
            "name| '{typed}' is not a model name; write it as NAME:TAG\n"
            "there| the name '{name}' is used twice\n"
            "model| a model of the catalogue has 1 to 32 [[models.packages]]\n"
            "boxes| 'boxes' must be one of {kind-words}, not '{what}'\n"
            "missing| 'boxes' is missing in [[models.packages]]\n"
            "plain| '{key}' must be {wanted}, not '{text}'",
            "A file of the catalogue has a mistake; it is left out, all others count.",
            "Fix the field at the line named; docs/pull.md has an example."},
    message{
        "configuration.key-file", configuration_reader,
        "key-name| a key's name is 1 to 64 letters, digits, '_', '.' or '-', the first of them a letter or a "
        "digit\n"
        "behind| after the digest of key '{name}', only scopes such as 'inference,operate' and a comment (#) "
        "are allowed\n"
        "key| a key named '{name}' already exists in '{full}'\n"
        "make| {why}; 'corral key new NAME' makes the file\n"
        "make-named| {why}; 'corral key new NAME --file {file}' makes it\n"
        "line-name| a key's name is 1 to 64 letters, digits, '_', '.' or '-'\n"
        "digest| key '{name}' needs the 64 hex digits of its SHA-256; 'corral key new NAME' makes a key and "
        "its line\n"
        "twin-name| a key named '{name}' is already in line {line:d}\n"
        "twin-key| the key of '{name}' is in line {line:d} already, as that of '{name}'\n"
        "scopes| '{text}' is not a scope; separate scopes by commas, no spaces "
        "(inference,observe,operate,pull)\n"
        "system-gives| the system provides no random numbers\n"
        "key-named| there is no key named '{name}' in '{full}'; 'corral key list' lists the keys\n"
        "server-file| this server has no key file\n"
        "file-keys| this server has no key file; name one by 'keys' in [access], then make the first key "
        "on its machine\n"
        "file| no key file: '{file}' has no 'keys' in [access]; add keys = \"{keys}\" under [access], "
        "or use --config or --file\n"
        "no-configuration| no key file: '{file}' is not there; use --config or --file",
        "The key was not made or removed; nothing has changed.",
        "Look at the names with 'corral key list'. Choose another one, or run 'corral key remove NAME' "
        "first."},
    message{"configuration.report-address", configuration_reader,
            "plain| '{text}' is not an address for reports; write https://HOST/PATH",
            "Incidents are sent over TLS, or to 127.0.0.1.",
            "Write to = \"https://HOST/PATH\" in [report], or leave the table out."},
    message{
        "configuration.certificate", configuration_reader,
        "none| '{file}' holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")\n"
        "no-authority| '{file}' holds no certificate in PEM form, or can't be read\n"
        "unusable| '{file}' can't be used: {why}\n"
        "chain| '{file}' holds a chain that can't be used\n"
        "damaged| '{file}' holds a damaged certificate behind the first\n"
        "encrypted| '{file}' is encrypted with a password; a server needs a key without one (openssl pkey "
        "-in OLD -out NEW)\n"
        "no-key| '{file}' holds no private key in PEM form\n"
        "other-key| '{file}' is not the key of the certificate in '{certificate}'\n"
        "bad-key| '{file}' holds a key that can't be used\n"
        "authorities| '{file}' must be a regular file of at most 1 MiB with certificates in PEM form\n"
        "tls-available| TLS is not available in this system's OpenSSL",
        "A certificate or its key can't be used; the old pair stays in force where there is one.",
        "Look at the files with 'openssl x509 -in CERT -noout -text' and 'openssl pkey -in KEY -noout'."},
    message{
        "configuration.listen-failed", configuration_reader,
        "listen| can't listen on {where}: {error}\n"
        "taken| can't listen on {where}: the port is taken by {program}; stop that program, or set 'listen' "
        "to "
        "another address\n"
        "no-interface| can't listen on {where}: no interface of this machine has that address; 'ip address' "
        "lists them\n"
        "permission| can't listen on {where}: no permission (ports below 1024 need CAP_NET_BIND_SERVICE)\n"
        "listen-inherited| can't listen on an inherited socket: {why}\n"
        "agent| 'fleet.agent' {address} can't be opened for load balancers: {why}; free it, or give another "
        "address\n"
        "descriptor| descriptor {inherited:d} is no TCP socket that listens\n"
        "tell| can't tell the address of a listener: {error}\n"
        "socket| the socket of the service manager listens on {at}, and 'listen' says {wanted}; the socket "
        "is used",
        "The address can't be had: it is taken, not of this machine, or a port below 1024.",
        "Find who has it with 'ss -tlnp | grep PORT'; choose another port by listen or OLLAMA_HOST."},
    message{
        "configuration.manifest-write", configuration_reader,
        "written| '{where}' can't be written: {why}. {way-out}\n"
        "link-leads| '{where}' is a link to something that Corral must not write; replace it with a folder "
        "or file of its own",
        "The manifest was not written; nothing has changed.",
        "Make room ('df -h'), run the command with sudo, or name another place by the option that it says."},
    message{"configuration.pin", configuration_reader,
            "manifest-changed| the manifest of '{model}' was changed meanwhile; look at it with 'corral "
            "check', then try again\n"
            "manifest-written| the manifest of '{model}' is written in a way that can't be changed safely; "
            "write pinned = true or false into it by hand, then run 'corral reload'",
            "The pin of a model is a line of its manifest, and was neither written nor taken.",
            "Write or take the line 'pinned = true' by hand, then run 'corral reload'."},
    message{"files.private", configuration_reader,
            "read| can't read '{file}': {why}\n"
            "write| can't write '{file}': {why}\n"
            "beside| can't write beside '{file}': {why}\n"
            "sync| can't sync the folder '{folder}': {why}\n"
            "open| can't open the folder '{folder}': {why}\n"
            "lock| can't lock the folder '{folder}': {why}\n"
            "make-folder| can't make the folder '{folder}': {what}\n"
            "regular-file| '{file}' is not a regular file\n"
            "larger-mib| '{file}' is larger than 1 MiB\n"
            "another-program| another program is changing files of '{folder}' just now; try again",
            "A file or folder of the state directory can't be used.",
            "Look at the path with 'df -h' and 'ls -ld'; it belongs to the user that runs Corral."},
    message{
        "files.disk", configuration_reader,
        "disk-answer| the disk does not answer\n"
        "nobody-waits| the wait for the disk was cancelled\n"
        "thread-started| no thread can be started: {what}\n"
        "no-thread| the system can't give Corral a thread for its files now; try again\n"
        "thrown| the disk: {what}\n"
        "write| cannot write '{file}': {why}\n"
        "sync| cannot sync '{folder}': {why}\n"
        "replace| cannot replace '{file}': {why}\n"
        "remove| cannot remove '{file}': {why}",
        "The disk was too slow, full or read-only for what was to be written; nothing half-written stays.",
        "Make room ('df -h'); 'dmesg' tells errors of the disk."},
};

}  // namespace corral::core::messages

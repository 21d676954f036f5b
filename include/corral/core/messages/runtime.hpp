#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto runtime_reader = message_reader::operators;

inline constexpr std::array runtime_table{
    message{"runtime.first-test", runtime_reader,
            "test-answer| A first test answer failed: {failure}\n"
            "first-test| A first test answer had no text.\n"
            "test-vector| A first test vector failed: {made}",
            "A start ends with a first real answer; it failed, so no client is let in and the runtime is "
            "started again.",
            "Look at what it printed with 'corral logs MODEL', and at the files with 'corral doctor MODEL'."},
    message{"runtime.places", runtime_reader,
            "model| Model {model}, service {service}: {message}\n"
            "port-handed| its port was not handed over\n"
            "free-port| There is no free port for a service from {from:d} to {last:d}.",
            "A service got no port or place of its own.",
            "Free the port, or give the service another range (docs/manifests.md)."},
    message{"runtime.settings-file", runtime_reader,
            "unwritten| its settings could not be written: {why}\n"
            "folder-settings| there is no folder for its settings; set 'state_directory'\n"
            "settings-json| its settings {file} are not JSON with the values of [models.variables]\n"
            "room| make room, or let Corral's user write there ('state_directory')",
            "The file that the runtime reads its settings from could not be written; the start waits and is "
            "tried again.",
            "Put state_directory on a disk with room, writable for Corral's user."},
    message{"runtime.profile", runtime_reader,
            "profile-names| model {name}: profile {profile} names the unknown dialect '{dialect}'\n"
            "names-runtime| Model {name}: profile {profile} names no runtime service after its tokenizer.\n"
            "names-service| Model {name}: profile {profile} names no service.\n"
            "model-profile| Model {model}: '{said}' of profile {name} must be a number from 1 to {most:d}, "
            "and is '{what}'.\n"
            "model| Model {name}, 'model_name' of profile {name}: {message}\n"
            "profile-thinking| The profile's thinking_switch '{thinking-switch}' is not a JSON pointer.\n"
            "value-profile| The value of '{key}' in the profile's [traits.extra] is not valid JSON.\n"
            "place| Model {model}: {why}\n"
            "service| service {service}: {why}\n"
            "of-service| model '{model}', service '{service}': {why}\n"
            "brace-belongs| a brace in \"{what}\" belongs to no {{placeholder}}; write {{{{ or }}}} for a "
            "plain brace\n"
            "variable| the variable 'url': {message}\n"
            "placeholder-value| the placeholder {{{placeholder}}} in \"{what}\" has no value",
            "The profile of the model can't be used as it is; the model is not served, all others are.",
            "Fix the profile; corral check names file and line."},
    message{"runtime.tokenizer-away", runtime_reader,
            "tokenizer-service| The tokenizer service {said}.\n"
            "found=tokenizer-unavailable| {what}\n"
            "suspect| The runtime failed two starts in a row, and its tokenizer service may be the cause.\n"
            "service-gave| The tokenizer service gave no token ids.\n"
            "service-come| The tokenizer service did not come back to decode the end of the answer.\n"
            "no-answer| tokenizer tap: no answer to {call}, the tokenizer {said}\n"
            "piece-later| tokenizer tap: the tokenizer is away, the text of a piece follows later\n"
            "no-identity| tokenizer tap: the tokenizer gave no new identity for decoding; it is asked again "
            "when a piece needs one\n"
            "text-refused=tokenizer-refused| {what}",
            "The service that turns text into tokens did not answer as it should; Corral replaces it where "
            "it stays so.",
            "Look at 'corral logs MODEL/tokenizer', then run 'corral doctor MODEL'."},
    message{"runtime.tokenizer-foreign", runtime_reader,
            "tokenizer-service=tokenizer-foreign-ids| The tokenizer service gave token ids that the model "
            "does not have: its files belong to another model.\n"
            "no-shape| tokenizer: its wrapper has no shape that {count:d} control tokens could show\n"
            "other-wrapper| tokenizer: its wrapper is not what it was; it is looked at anew",
            "The tokenizer's files and the model's do not belong together.",
            "Fetch the package again, whole; corral import DIR."},
    message{"runtime.count-not-known", runtime_reader,
            "token-ids| No token ids without the tokenizer tap.\n"
            "counted-beside| It can't be counted beside a run.\n"
            "services-changed| The services changed during the count.\n"
            "only-run| Only its run can say how long it is.\n"
            "Too many counts for one prompt.\n"
            "estimate| It is an estimate.\n"
            "server-serve| The server does not serve.\n"
            "server-count| The server did not count it in time.\n"
            "server-went| The server went while it counted.\n"
            "answer-neither| its answer has neither a count nor a text",
            "How many tokens a prompt has can't be counted just now; an estimate is used.", "Nothing."},
    message{
        "runtime.cache-salt-refused", runtime_reader,
        "unsalted| {model}: the server refuses cache_salt, as vLLM does with its engine V0, so it is given "
        "the prompts of one key alone, unless reuse_across_keys is set\n"
        "runtime~salt-refused| The runtime would let keys share what it computed of their prompts, and "
        "refuses the 'cache_salt' that keeps them apart, as vLLM does with its engine V0. Start it with its "
        "engine V1, or set reuse_across_keys = true for this model.",
        "Without a salt all prompts share the server's cache, and the time of an answer would tell one key "
        "what "
        "another has asked.",
        "Start the server with its engine V1, or set 'reuse_across_keys = true' where all keys may know."},
    message{"runtime.cache-foreign", runtime_reader,
            "runtime-read~cache-differs| The runtime read this prompt behind other tokens than it was known "
            "to hold. Nothing of the answer was used, and the runtime is reset.\n"
            "other-tokens| {model}: the runtime's cache held other tokens than it was known to hold; the "
            "answer was not used, and the runtime is reset\n"
            "not-kept| {model}: the comparison of its cache is not kept, and is made again after a restart: "
            "{why}",
            "The proof that nothing of another conversation is read failed; the answer was thrown away and "
            "the runtime reset.",
            "Close the runtime's port to other programs, or write reuse = \"off\" in the manifest."},
    message{"runtime.cache-untold", runtime_reader,
            "runtime-said~cache-untold| The runtime did not say in time behind which tokens it read this "
            "prompt. Nothing of the answer was used, and the runtime is reset.",
            "Its line about that is late where the box is short of processor time; the prompt is run again.",
            "Nothing, unless it comes often: then see with 'top' what else the box works on."},
    message{
        "runtime.foreign-talk", runtime_reader,
        "runtime-gave=foreign-text| The runtime gave text that does not belong to this answer: another "
        "program is using it too.\n"
        "runtime-ended=foreign-stop| The runtime ended this answer in the middle, unasked: another program "
        "stopped it, or its context is smaller than configured.\n"
        "runtime-still=runtime-stuck| The runtime was still busy with something else.\n"
        "polls| Another program on this box polls the runtime at port {port:d}: find it with 'ss -tnp dport "
        "= :{port:d}' and end it.\n"
        "stops| Another program on this box stops answers of the runtime at port {port:d}: find it with 'ss "
        "-tnp dport = :{port:d}' and end it.\n"
        "refused| {model}: {what} to the tokenizer tap was refused, for only the runtime may use it; "
        "{count:d} since the last line\n"
        "connection| a connection of {who}\n"
        "unknown| a connection of an unknown process ({why})\n"
        "page| a call of a browser's page\n"
        "too-long| a call with more than a runtime can have to say",
        "Something other than Corral uses the runtime's port or the tap.",
        "Find it: ss -tnp | grep PORT. guard = \"require\" keeps other machines out."},
    message{"runtime.not-run", runtime_reader,
            "runtime-accepted=generate-swallowed| The runtime accepted the prompt but did not run it.\n"
            "runtime-ran=mute| The runtime ran the prompt but gave no text.\n"
            "encode=mute| The runtime could not tokenise the prompt, and hangs on it.\n"
            "ended=empty-answer| The runtime ended its answer without any text.\n"
            "fell| {subject} ended while the request ran{>: }\n"
            "restarts| It is being restarted.\n"
            "stays| It is not started again for now.\n"
            "told=error-as-text| The runtime reported a failure in place of an answer.\n"
            "gave-up~runtime-error| The runtime gave up: {words}.\n"
            "runtime~embedding-refused| The runtime failed with status {status:d}{words}",
            "The runtime took the prompt and gave no answer; it is asked once more after a reset where "
            "nothing had gone out.",
            "Look at 'corral logs MODEL'; each time: take a smaller context, or the vendor's newer runtime."},
    message{"runtime.refused", runtime_reader,
            "runtime=reset-refused| The runtime refused a reset with status {status:d}.\n"
            "stayed-busy=runtime-stuck| The runtime stayed busy and took no reset.\n"
            "runtime-stayed=runtime-stuck| The runtime stayed busy and took no prompt.\n"
            "busy=runtime-stuck| The runtime stayed busy with something else.\n"
            "unseen-reset| the reset was accepted but not seen to run; repeating it\n"
            "runtime-accepts=reset-swallowed| The runtime accepts resets but does not carry them out.\n"
            "refuses~value-refused| The model's program refuses a value of this request{words}\n"
            "image~image-refused| The model's program refuses an image of this request{words}\n"
            "model~busy| The model's program is too busy to make vectors{words}\n"
            "program~texts-refused| The model's program refused the texts{words}\n"
            "no-embeddings| the runtime answers an embedding with 501, so it was not started for embeddings\n"
            "refused~generate-refused| The runtime refused a prompt with status {status:d}.\n"
            "chat~template-refused| The model's chat template refuses the order of these messages; send "
            "questions and answers in turn, or start a new chat.\n"
            "prompt~generate-refused| The runtime refused a prompt with status {status:d}{words}",
            "The runtime turned the call down; in doubt it is restarted.",
            "Look at its own words with 'corral logs MODEL'."},
    message{
        "runtime.hung", runtime_reader,
        "runtime=call-failed| The runtime did not answer {call} completely.\n"
        "call| the call '{call}' failed: {why}\n"
        "did=call-failed| The runtime did not answer completely.\n"
        "not-idle| The runtime did not become idle after a request.\n"
        "broke-off| The runtime broke off an answer and may still be at work on it.\n"
        "unwanted| The runtime was busy with an answer that was no longer wanted.\n"
        "unwanted-still| The runtime hung in an answer that was no longer wanted.\n"
        "vectors=call-silent| The runtime made no vectors for as long as it may take.\n"
        "made| {what} made no vectors\n"
        "runtime-took=runtime-hung| The runtime took a call and did not answer it. It was {call}; the call "
        "clock {stand}.\n"
        "runtime-finish=reset-stalled| The runtime did not finish a reset in its time. It was busy with it "
        "for {silence}; the reset clock {stand}.\n"
        "runtime-begin=prefill-stalled| The runtime did not begin to answer in its time.{length}prefill "
        "clock {stand}.\n"
        "runtime-stopped=decode-stalled| The runtime stopped in the middle of an answer.{length}decode clock "
        "{stand}.\n"
        "stream-begin=prefill-stalled| The runtime did not begin an answer.{length}prefill clock {stand}.\n"
        "stream-stopped=decode-stalled| The runtime stopped in the middle of an answer, after about "
        "{tokens:d} tokens.{length}decode clock {stand}.",
        "A clock of the profile ran out: the runtime hangs. It is replaced; the black box has the minute "
        "before.",
        "Look at 'corral logs --crash 1'. If good answers end so, the clock is too short "
        "(docs/manifests.md, clocks)."},
    message{"runtime.protocol", runtime_reader,
            "foreign-text| {size:d} bytes that are not of this run discarded\n"
            "earlier-text| {size:d} bytes of an earlier answer discarded\n"
            "poll-status| The runtime answered a poll with status {status:d}.\n"
            "answered-poll| The runtime answered a poll with something other than JSON.\n"
            "runtime-answered| The runtime answered a poll without \"done\" or \"response\".\n"
            "no-choices| The runtime answered with JSON that has no \"choices\".\n"
            "took-back| The runtime's answer retracted text that it had given.\n"
            "runtime-sent| The runtime sent an event without \"choices\".\n"
            "sent-event| The runtime sent an event that is not a JSON object.\n"
            "event-kib| The runtime sent an event of more than {limit:d} KiB.\n"
            "runtime-answer| The runtime's answer ended in the middle of a document.\n"
            "answer-json| The runtime's answer is not JSON: {what}.\n"
            "runtime| The runtime's answer has {what}.\n"
            "answer-cut| The runtime's answer was cut off.\n"
            "vectors=vectors-unusable| The runtime's vectors have different lengths.\n"
            "gave=vectors-unusable| the runtime gave vectors that are not usable\n"
            "no-vectors| The runtime's answer is not a list of vectors: {what}.\n"
            "not-finite~vectors-not-finite| embedding contains NaN or Inf values\n"
            "line-answer| a line of the answer is not a JSON object\n"
            "answer=protocol| {what}\n"
            "unusable=vectors-unusable| {what}",
            "The server behind the profile does not speak the protocol that the profile names.",
            "Check the profile ('corral import DIR' says which one fits) and the vendor's version "
            "(docs/runtimes.md)."},
    message{"runtime.given-up", runtime_reader,
            "call-given| the call was given up\n"
            "call| The call was given up.\n"
            "call-cancelled| The call was cancelled.\n"
            "answer-within| no answer within {limit}\n"
            "runtime=stopping| The runtime is being stopped.\n"
            "server| this server has no way to count a prompt\n"
            "count| This runtime does not count prompts.",
            "Corral ended the call itself, because its asker went or its time was over.", "Nothing."},
    message{"runtime.remote", runtime_reader,
            "name| the name {host} can't be looked up: {unknown}\n"
            "unreachable| {url} can't be reached: {why}\n"
            "answer-time| {what} does not answer in time\n"
            "answer-api| its answer to /api/tags is not a list of models\n"
            "key| the key file {key-file} can't be read: {message}\n"
            "key-file| the key file {key-file} can't be read or holds no key\n"
            "failed| the remote server failed: {why}{words}\n"
            "gave-up| {url} gave up\n"
            "answered| {url} answered with status {status:d}\n"
            "cut| its answer was cut in the middle\n"
            "busy~remote-busy| the remote server {url} is too busy{words}\n"
            "refuses~remote-refused| the remote server {url} refuses the request{words}\n"
            "too-long| the prompt is too long for the remote server {url}{words}\n"
            "no-list| {url} can't be asked for its models: {why}\n"
            "no-model| {url} has no model {model}\n"
            "status| {url} answers {target} with status {status:d}\n"
            "wants-key| {url} answers {target} with status {status:d}; it requires a key; name its file in "
            "'key_file'\n"
            "other-key| {url} answers {target} with status {status:d}; it does not accept the key in {file}\n"
            "failing~remote-failed| {what}\n"
            "silent=remote-silent| {what}\n"
            "lost=remote-lost| {what}\n"
            "garbled=remote-garbled| {what}\n"
            "unable~remote-unsupported| {what}",
            "The other server of a fallback can't be used; it is asked again by itself, the other tiers "
            "serve meanwhile.",
            "Check its address and key in the manifest, and try 'curl URL/api/version'."},
    message{"runtime.remote-address", runtime_reader,
            "tls| '{url}' uses TLS, which is not supported for remote servers; run a TLS proxy or a tunnel "
            "on this machine, and name http://127.0.0.1:PORT\n"
            "more| '{url}' holds more than a host and a port; write http://HOST:PORT, and a key into a file "
            "that 'key_file' names\n"
            "host| '{url}' has no host that can be read; write http://HOST:PORT, or http://[ADDRESS]:PORT\n"
            "none| '{url}' is not a server address; write http://HOST:PORT",
            "The variable 'url' of a model on another server can't be used.",
            "Fix it in the manifest, as the sentence says."},
    message{"runtime.remote-broken", runtime_reader,
            "closed| {name}: connection closed without an answer\n"
            "cut| {name}: the answer was cut\n"
            "cut-why| {name}: the answer was cut: {why}\n"
            "http| {name}: the answer breaks HTTP: {why}\n"
            "no-answer| {name}: no answer in time\n"
            "connection| {name}: the connection failed: {why}\n"
            "too-long| {name}: {what} is too long\n"
            "cancelled| {name}: cancelled\n"
            "time-left| {name}: no time left\n"
            "answer-longer| the answer is longer than {most:d} bytes",
            "A server that Corral asks broke its answer off, or broke the protocol.",
            "Look at its log; 'corral status' shows what follows from it."},
    message{
        "runtime.slower", runtime_reader,
        "waits| {model}: a token takes {factor} times as long as when its process was new; its runtime is "
        "renewed once it has been idle for {seconds} s, or after {minutes} min between two answers\n"
        "useless| A token takes {factor} times as long as when its process was new, and a new process did "
        "not help. Check whether it is hot or another program is using the machine: corral doctor.\n"
        "hot| A token takes {factor} times as long as when its process was new; card {card:d} has {degrees} "
        "C, and a new process would be as slow. Give it a heat sink and a fan.",
        "In three of four of the last runs a token took at least half as long again as in the first runs of "
        "the "
        "same process with an equally long context. For that Corral replaces the process while nobody asks, "
        "or after a while between two answers.",
        "Nothing; where it did not help, look at temperature, power and other programs (corral doctor)."},
    message{
        "runtime.grows", runtime_reader,
        "waits| {model}: it grows by {amount} an hour and would reach the limit in {hours} h; it is renewed "
        "once it has been idle for {seconds} s, or between two answers in the last hour before that\n"
        "useless| It runs out of {what} in {hours} h, and a new process did not help. See what else "
        "holds it, or "
        "raise the limit.",
        "The runtime holds ever more memory, descriptors or threads, never gives them back, and would "
        "meet their "
        "limit within a day. For that Corral replaces the process while nobody asks.",
        "Nothing; where it did not help, see what else is at work here (corral doctor), or raise the "
        "limit. Tell "
        "the runtime's vendor of the leak."},
    message{
        "runtime.tap-unused", runtime_reader,
        "url| {model}: the runtime does not use the tokenizer URL it was given; counts are estimates\n"
        "format| {model}: the server does not take a wanted format (status {status:d}), so only the prompt "
        "asks for it",
        "The runtime lacks an ability that Corral would use; it goes on without it.",
        "Install a newer runtime of the vendor."},
    message{
        "runtime.files-silent", runtime_reader,
        "its files could not be checked within {time:d} s: the disk of '{folder}' does not respond\n"
        "box| its files can't be checked before the start: {why}\n"
        "do-box| raise the limit of processes of Corral's user (TasksMax of the unit, 'ulimit -u'); it is "
        "tried again by itself\n"
        "package-cannot| package '{what}' cannot be read: {why}\n"
        "package-holds| package '{what}' holds more than {entries:d} entries or is deeper than "
        "{deepest:d} folders: is it the right folder?\n"
        "sha-available| SHA-256 is not available in this system's OpenSSL",
        "The package could not be examined before the start; the start waits and is tried again.",
        "Look at 'dmesg' for the disk, and at the folder's owner and permissions."},
    message{"runtime.finding", runtime_reader,
            "{what}\n"
            "more| {what} (and {more:d} more: 'corral doctor' lists all)",
            "A check of the model's files, ports and programs before the start found an error.",
            "Do what the line says; 'corral doctor MODEL' tells all that was found."},
    message{"runtime.without-gate", runtime_reader, "{service}: starts without its gate, which failed: {why}",
            "The check before a start failed by a fault of its own; the start goes on without it.",
            "Look at 'corral logs corral', then run 'corral doctor MODEL'."},
    message{"run.poisonous", runtime_reader,
            "request id={id} model={model} client={client} is deadly: the runtime died {deaths:d} times in "
            "it and hung {hangs:d} times; the last time: {why}",
            "The runtime died of one prompt several times; the prompt is refused for ten minutes or "
            "more, the model goes on.",
            "Ask the client that is named for the prompt, and report it to the vendor."},
    message{
        "run.again", runtime_reader,
        "waits| request id={id} model={model} try={number:d} failed before anything of its answer went out "
        "({cause}), waiting to run again: {why}\n"
        "unsaid| its words may quote the prompt and are not logged\n"
        "trying| Trying again.",
        "Nothing of the answer had gone out, so the request runs again by itself.", "Nothing."},
    message{"run.shortened", runtime_reader, "longer than the model can read, sent without {parts}",
            "A conversation was longer than the model reads; the oldest parts were left out.",
            "Use a model with a longer context, or begin a new chat."},
    message{
        "run.ignored", runtime_reader,
        "context| model={model} option num_ctx has no effect beyond the context that this runtime was "
        "built with\n"
        "option| model={model} {name} of a request has no effect here\n"
        "unchecked| model={model} a format's '{keyword}' is shown to the model and not checked: the "
        "value may violate it (strict_schemas = true refuses such formats)",
        "The client asked for something that this runtime has no switch for, or that Corral does not read; "
        "the answer is computed without it.",
        "Nothing, or another runtime (docs/runtimes.md)."},
};

}  // namespace corral::core::messages

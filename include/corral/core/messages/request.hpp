#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto request_reader = message_reader::client;

inline constexpr std::array request_table{
    message{"request.no-model", request_reader,
            "name| model '{model}' not found{>: }\n"
            "nameless| model '' not found\n"
            "model| model {source} not found\n"
            "pull| model \"{model}\" not found, try pulling it first{>: }",
            "This server has no model of that name.",
            "See which there are with 'corral list' or 'ollama list', and choose one of them."},
    message{"request.no-models", request_reader,
            "this server has no model yet; 'corral pull NAME' or 'corral import DIR' on its box adds one",
            "Nothing has been imported since it was installed.",
            "Fetch one: corral search, then corral pull NAME. Or put the vendor's package on the box, then "
            "corral import DIR; no restart is needed."},
    message{"request.not-served", request_reader, "this model is not served here any more; choose another",
            "The model was there a moment ago and has been taken out.",
            "Choose a model that 'corral list' or 'ollama list' shows."},
    message{"request.removed", request_reader,
            "=model-removed| the model was taken out of this server's configuration while the request "
            "waited; choose another\n"
            "model=model-removed| the model was taken out of this server's configuration; choose another",
            "The operator removed it and reloaded.", "Ask another model."},
    message{"request.changed", request_reader,
            "=model-changed| the model was changed while the request waited; ask again\n"
            "begun=model-changed| another runtime serves this model since the answer began, and would not go "
            "on word for word; ask again",
            "A reload gave it other files or settings, or another of its tiers serves.", "Ask again."},
    message{"request.queue-full", request_reader, "too many requests are waiting here; ask again in a while",
            "The queue holds max_queue requests, and no other client has more of them than yours.",
            "Ask again after the time in Retry-After."},
    message{"request.withdrawn", request_reader, "the request was withdrawn",
            "The client went, or took it back.", "Nothing; ask again for an answer."},
    message{
        "request.deadline", request_reader,
        "=queue-deadline| the request waited in the queue for as long as it is allowed to; try again later\n"
        "turn=deadline| The request's time ran out while it waited for its turn. Ask again, or give it "
        "more time.\n"
        "too-late~deadline-unreachable| The request's turn would come in about {seconds} s, later than "
        "it may wait. Ask again then, or give it more time.",
        "It waited longer than request_deadline or its X-Request-Timeout, or would have to.",
        "Ask again later; the operator can look at the queue: corral status."},
    message{"request.took-too-long", request_reader,
            "=deadline| The answer took longer than it may. Ask for a shorter one, or give it more time.",
            "Its answer was not whole within request_deadline or its X-Request-Timeout, and was ended.",
            "Ask for less (num_predict), or raise the X-Request-Timeout, or request_deadline."},
    message{"request.shutting-down", request_reader, "this server is shutting down; ask again in a while",
            "Corral is being stopped.", "Ask again when it runs: corral status."},
    message{
        "request.closed", request_reader,
        "this server accepts no requests yet, because {why}; try again later. 'corral status' shows its "
        "operator more",
        "The key file or the certificate is missing, or a mistake in the configuration may affect access.",
        "Ask again later; the operator: corral status."},
    message{"request.model-stopped", request_reader,
            "=model-stopped| the model was stopped by its operator; 'corral start {model}' on the server "
            "brings it back",
            "Somebody ran corral stop; it stays so until corral start.",
            "Ask the operator for 'corral start MODEL'."},
    message{"request.model-broken", request_reader,
            "The model does not start. Corral tries again by itself; ask again {when}. 'corral status' tells "
            "its operator why.\n"
            "starts-not=backend-broken| {what}",
            "A service of it ends or can't be started.",
            "Its operator can run 'corral status', then 'corral doctor'."},
    message{"request.remote-away", request_reader,
            "The remote server behind this model is unavailable. Ask again {when}.\n"
            "found=remote-away| {what}",
            "It can't be reached, has no such model, or failed requests of late.",
            "Ask again at that time; the operator sees what is wrong there with 'corral status'."},
    message{"request.runtime-refuses", request_reader,
            "the model does not start; it is tried again by itself, ask again in a while",
            "The model is broken; why, the operator sees.",
            "Ask again later; its operator looks at 'corral status'."},
    message{
        "request.not-ready-in-time", request_reader,
        "=load-deadline| the model did not become ready in time; it goes on loading, ask again in a while",
        "Its load took longer than the request may wait.",
        "Ask again; corral status --watch shows the load."},
    message{"request.runtime-died", request_reader,
            "The model's program stopped while it worked on this answer.\n"
            "again| Corral starts it again by itself; ask again {when}.\n"
            "found=runtime-died| {what}",
            "The runtime crashed after text had gone out; Corral starts it again.",
            "Ask again. The operator sees what led to it: corral logs --crash 1."},
    message{"request.tokenizer-died", request_reader,
            "The model's tokenizer stopped while it worked on this answer.\n"
            "found=tokenizer-died| {what}",
            "The service beside the runtime ended; both are started again.", "Ask again."},
    message{"request.restarted", request_reader,
            "The model was restarted by its operator while it worked on this answer.\n"
            "found=restarted| {what}",
            "Somebody ran corral restart.", "Ask again."},
    message{"request.no-tokens", request_reader,
            "The model's tokenizer does not answer.\n"
            "measure~measure-failed| {what}",
            "It was asked for the tokens of the prompt and said nothing in its time; it is replaced.",
            "Ask again."},
    message{
        "request.hung", request_reader, "The model's program hung in the middle of this answer.",
        "No token came for longer than the decode clock allows; the runtime is replaced.",
        "Ask again. If it happens with good answers, the clock is too short (docs/manifests.md, clocks)."},
    message{"request.too-late", request_reader, "The model's program did not answer in its time.",
            "A reset, a prefill or a call took longer than its clock; the runtime is replaced.",
            "Ask again."},
    message{"request.no-answer", request_reader,
            "The model's program gave no usable answer.\n"
            "again| Ask again; if it happens each time, tell the operator.",
            "The runtime refused or garbled this request.",
            "Ask again; each time: tell the operator (corral logs)."},
    message{"request.failed-inside", request_reader,
            "The model's program reported a failure of this answer.\n"
            "printed=answer-failed| {what}",
            "The runtime itself reported a failure.", "Ask again; each time: corral logs MODEL."},
    message{"request.stopping", request_reader, "The model's program is being stopped.",
            "It is restarted or unloaded just now.", "Ask again in a moment."},
    message{"request.not-ready", request_reader,
            "=not-ready| The model's program is not ready.\n"
            "found=not-ready| {what}",
            "It is loading again.", "Ask again."},
    message{"request.deadly", request_reader,
            "=poisonous| {what} while it worked on this request, so the request is not tried again. Change "
            "it, or ask the operator.\n"
            "stopped| the model's program stopped {times:d} times\n"
            "hung| the model's program hung {times:d} times\n"
            "both| the model's program stopped or hung {times:d} times",
            "The runtime died or hung twice in this very request.", "Change the prompt."},
    message{"request.quarantined", request_reader,
            "~quarantined| {what} while it worked on this prompt. It is refused for another {minutes:d} min, "
            "so that the model stays available to others. Change the prompt, or ask the operator to restart "
            "the model.",
            "The same prompt was deadly before; it is refused for ten minutes, and after each new harm for "
            "twice as long.",
            "Change the prompt; corral restart MODEL forgets it."},
    message{
        "request.too-long", request_reader,
        "the prompt is longer than the context length currently available to the model; shorten the "
        "prompt, adjust the context length in settings, or use a model with a longer context length (it is "
        "{tokens} tokens long: system prompt {system:d}, tools {tools:d}, turns {turns:d}{images}; {room})\n"
        "runtime~context-full| The prompt does not fit into the model's context{words}\n"
        "blocks~context-full| The prompt does not fit into the model's context: it has {tokens:d} tokens and "
        "at most {most:d} can be taken, in whole blocks of {block:d}.\n"
        "told~context-full| {what}",
        "System prompt, tools and the last turn alone are longer than the model reads.",
        "Send less, or use a model with a longer context (docs/long_prompts.md)."},
    message{
        "request.shortened", request_reader,
        "Requests of {client} are longer than model {model} can read and were shortened ({count:d}, the last "
        "by {cuts}); use a model with a longer context, or let the client send fewer tools and texts.",
        "Parts of a long conversation were left out, oldest first.",
        "Start a new chat, or send fewer tools."},
    message{"request.format-missed", request_reader,
            "the model's answer does not match the requested format after {tries} ({violation}); ask again, "
            "or ask for a simpler format",
            "The answer was checked and asked for again, and never fitted.",
            "Simplify the schema, or use a larger model (docs/structured_output.md)."},
    message{"request.no-tools", request_reader, "support| {model} does not support tools",
            "The model's template can't call tools, or its manifest does not say so.",
            "Ask without tools; or write capabilities = [\"completion\", \"tools\"] in the manifest of a "
            "model that can."},
    message{"request.no-thinking", request_reader, "support| {typed} does not support thinking",
            "The model does not think apart from its answer.", "Ask without think."},
    message{"request.no-images", request_reader, "support| {model} does not support images",
            "The model, or its runtime, sees none.",
            "Use a model with the capability vision (docs/runtimes.md)."},
    message{"request.no-insert", request_reader, "support| {model} does not support insert",
            "The model fills no holes (suffix).", "Leave suffix out, or choose a model that can."},
    message{"request.fallback-blind", request_reader,
            "~tier-without-vision| the fallback that serves this model right now can't see images; try again "
            "later",
            "A fallback answers just now that has no vision.", "Ask again later."},
    message{"request.key-missing", request_reader,
            "this server needs an API key: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'",
            "The operator gave each client a key.", "Get one from the operator: corral key new NAME."},
    message{"request.key-unknown", request_reader,
            "unknown API key; whoever runs this server can make one with 'corral key new NAME'",
            "The key is wrong, or was removed.", "Ask the operator for a new one."},
    message{"request.key-scope", request_reader,
            "this API key may not ask models: it lacks the scope 'inference'; the operator of this server "
            "can make one with it: 'corral key new NAME --scope inference'",
            "The key was made for other things than asking models.",
            "Ask the operator for another: corral key new NAME --scope inference."},
    message{"pull.off", request_reader,
            "clients| clients may not pull or delete packages on this server; its operator can allow it with "
            "'from_clients = true' in [pull], or use 'corral pull' and 'corral import'\n"
            "kinds| clients pull names of the catalogue and hf.co/OWNER/REPOSITORY; all else is pulled on "
            "the box itself\n"
            "owners| clients pull names of the catalogue here, and repositories of the owners listed in "
            "'owners' of [pull], because a package runs its programs on this server; its operator can list "
            "more owners, or run 'corral pull'",
            "A package runs its programs as Corral's user, and pulls can fill the disk, so they are off as "
            "delivered. Clients bring what the catalogue or the operator's list of owners names, never an "
            "address of their own choice.",
            "Run 'corral pull' on the box, or write from_clients = true and, for repositories of the hub, "
            "owners = [\"OWNER\"] in [pull]."},
    message{
        "pull.not-yours", request_reader,
        "own-machine| this server uses no API keys, so only clients on its own machine may pull or delete "
        "packages\n"
        "scope| this API key may not pull or delete packages: it has no scope 'pull'; the operator can make "
        "one that has with 'corral key new NAME --scope inference,pull'\n"
        "page| a page of another server may not pull or delete models here; programs may, such as 'ollama "
        "pull'",
        "Pulls and deletes are for clients that the operator has let, and never for a page that a browser "
        "happens to show.",
        "Ask the operator for a key of 'corral key new NAME --scope inference,pull'."},
    message{"pull.busy", request_reader,
            "this server already runs as many pulls as it allows; try again when one is done",
            "Four pulls go on, two of one client, or 64 wait for one.", "Ask again later."},
    message{"pull.failed", request_reader,
            "failed| the pull of {name} failed: {why}\n"
            "early| {what} ended early ({how}){words}\n"
            "cant-start| {what} can't be started: {why}\n"
            "silent| {what} made no progress for too long and was stopped; ask again to resume it\n"
            "stopping| this server is being stopped; ask again to resume the pull\n"
            "rest| this server is being stopped; the rest can be removed with 'corral prune'\n"
            "whoever-asked| the client that asked is gone",
            "A client's pull did not come to its end; what is on the disk is used by the next one.",
            "The sentence says why; 'corral pull NAME' on the box shows more."},
    message{"pull.not-removed", request_reader, "{name} was not removed for a client: {why}",
            "A client asked for the removal of a model, and it stays or some of its files do.",
            "Run 'corral rm MODEL --files' or 'corral prune' on the box."},
    message{"request.not-pulled", request_reader,
            "absent| pull model manifest: file does not exist{>: }\n"
            "own-box| this server runs the models of its own box; 'corral import' adds one",
            "There is no registry to pull from: an NPU needs weights compiled for it.",
            "Download the package, then corral import."},
    message{"request.pinned", request_reader,
            "model| model '{name}' is pinned by this server's configuration and stays loaded; its operator "
            "can stop it",
            "A client asked to unload it (keep_alive 0).",
            "Nothing; it frees its memory when its operator takes pinned away."},
    message{"request.load-too-late", request_reader, "The model was not ready in its time.",
            "Its load took longer than this request may wait.",
            "Ask again; corral status --watch shows the load."},
    message{"request.vectors-late", request_reader, "The model made no vectors in its time.",
            "The call for embeddings was silent for longer than its clock.", "Ask again, with fewer texts."},
    message{"request.no-vectors", request_reader, "The model gave no usable vectors for these texts.",
            "The runtime refused them, or its vectors have different lengths.",
            "Ask again; each time: tell the operator."},
    message{"request.half-answer", request_reader, "[This answer is not whole: {why}]",
            "The runtime failed in the middle of a stream; the sentence is also the stream's error.",
            "Ask again."},
    message{
        "request.not-all-read", request_reader,
        "cut| [The model did not read all of this, for its context is too small: {parts} left out.]\n"
        "summary| [The model did not read all of this, for its context is too small: {parts} left out, and a "
        "summary of the earlier messages read.]",
        "A text of the newest message, or more than a tenth of the conversation, did not fit and was "
        "left out.",
        "Send less at once, or use a model with a longer context."},
    message{"request.template-of-runtime", request_reader,
            "~no-verbatim-prompts| this model can't take {what}, because its program puts a chat template of "
            "its own around every prompt; send messages",
            "A raw prompt, a template or a begun answer does not reach this runtime.", "Send messages."},
    message{"request.raw-with-system", request_reader,
            "raw mode does not support template, system, or context", "The fields contradict each other.",
            "Leave raw out, or the others."},
    message{"request.images-with-raw", request_reader, "images are not supported with 'raw' or 'suffix'",
            "The fields contradict each other.", "Leave raw and suffix out."},
    message{"request.no-logprobs", request_reader,
            "this model reports no probabilities, so logprobs is not supported; leave it out",
            "The runtime tells none.",
            "Leave logprobs out; docs/runtimes.md names the runtimes that tell them."},
    message{"request.image-too-large", request_reader,
            "an image may have at most {most-image-bytes:d} MiB of base64; send a smaller one",
            "The image is beyond the bound.", "Send a smaller one."},
    message{"request.image-kind", request_reader,
            "invalid| invalid image input: this model takes {types}{type}",
            "The bytes are no image that the runtime reads.", "Convert it to a type that is named."},
    message{"request.too-many-parts", request_reader,
            "request| a request may hold at most {max-messages:d} messages\n"
            "hold| a request may hold at most {most-images:d} images\n"
            "texts| a request may hold at most {most-texts:d} texts\n"
            "messages| a request may hold at most {max-messages:d} messages and parts of messages",
            "A bound on messages, images or texts of one request.",
            "Send fewer; docs/configuration.md has the bounds."},
    message{"request.cloud", request_reader, "ollama cloud is disabled: remote model is unavailable",
            "The name asks for a model elsewhere; Corral has no account and no way out.",
            "Choose a model of this box: 'corral list' shows them."},
    message{"request.no-push", request_reader,
            "this server does not push models to a registry; its operator can copy a model's folder to "
            "another box",
            "There is no registry.", "Copy the package's folder to the other box and import it there."},
    message{
        "request.no-blobs", request_reader,
        "this server accepts no model files: it runs the models on its own box, and 'corral import' adds one",
        "A client tried to upload weights.", "Put the package on the box and run 'corral import DIR' there."},
    message{
        "request.no-variants", request_reader,
        "this server has no place for models that clients make; its operator can name one by state_directory",
        "There is no state directory.", "Ask the operator to set state_directory."},
    message{"request.configured-model", request_reader,
            "model| model '{name}' belongs to this server's configuration and is not removed; {barred}",
            "Clients may only delete what they made.", "Ask the operator for 'corral rm MODEL'."},
    message{"request.not-your-model", request_reader,
            "change| model '{name}' was made with another key: only that key or an operator's may replace or "
            "delete it; choose another name\n"
            "copy| model '{name}' was made with another key: you may use it, but not make another of it",
            "With keys, a model that a client made is its key's: others may only use it.",
            "Choose another name or source, or ask with that key or one of the scope operate."},
    message{"request.foreign-context", request_reader,
            "context is not one that this server gave: send back that of an earlier answer, whole and "
            "unchanged, or leave it out",
            "The field context was changed or comes from another server.", "Leave it out."},
    message{
        "request.variant-unreadable", request_reader,
        "read| this model's file can't be read; tell the operator of this server, whose 'corral logs corral' "
        "says why\n"
        "written| this model can't be kept; tell the operator of this server, whose 'corral logs corral' "
        "says "
        "why\n"
        "removed| this model's file can't be removed; tell the operator of this server, whose 'corral logs "
        "corral' says why",
        "The file of a variant is damaged or closed, or its disk is full.",
        "Tell the operator, who looks at 'corral logs corral'."},
    message{"request.no-memory", request_reader,
            "this server has no memory left for the body of this request; try again later, or send less",
            "All bodies together have reached max_buffered_body_bytes.", "Ask again later."},
    message{"request.body-too-large", request_reader, "request body too large",
            "The body is beyond max_body_bytes.", "Send less, or raise it."},
    message{"request.head-too-large", request_reader, "request header too large",
            "The head is beyond max_header_bytes.", "Send shorter headers."},
    message{"request.answer-too-long", request_reader,
            "=answer-too-long| the answer grew longer than the model can hold and was ended; ask for a "
            "shorter one",
            "The runtime gave more text than its context holds.", "Ask again; each time: tell the operator."},
    message{"request.no-result", request_reader, "~no-end| the request ended without a result; ask again",
            "A fault of Corral's own, which the log has.",
            "Ask again; each time: tell the operator, who looks at 'corral logs corral'."},
    message{"request.stopped-unasked", request_reader,
            "~run-cancelled| the answer was stopped without a reason; ask again",
            "A fault of Corral's own, which the log has.",
            "Ask again; each time: tell the operator, who looks at 'corral logs corral'."},
    message{
        "request.remote-too-long", request_reader,
        "=request-deadline| the remote server's answer took longer than it may; ask for a shorter one, or "
        "give it more time",
        "A fallback elsewhere was too slow for request_deadline or the request's X-Request-Timeout.",
        "Ask for less (num_predict), or raise the X-Request-Timeout, or request_deadline."},
    message{"request.plain-to-tls", request_reader, "Client sent an HTTP request to an HTTPS server.",
            "This Corral serves https.", "Write https:// in the client's address."},
};

}  // namespace corral::core::messages

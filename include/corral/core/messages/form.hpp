#pragma once

#include <array>

#include "corral/core/message.hpp"

namespace corral::core::messages {

inline constexpr auto form_reader = message_reader::client;

inline constexpr std::array form_table{
    message{"request.no-body", form_reader,
            "missing-request| missing request body\n"
            "eof| EOF",
            "The request has no body.", "Send JSON, with Content-Type: application/json."},
    message{"request.not-json", form_reader,
            "end| unexpected EOF\n"
            "character| invalid character {character} {where}",
            "The body is no JSON; the sentence names the first character that is wrong.",
            "Fix the JSON; most often a comma, a quote or a bracket is missing."},
    message{"request.json-too-deep", form_reader,
            "all| the JSON of the request is nested deeper than {levels:d} levels\n"
            "max| invalid character {character} exceeded max depth\n"
            "request| '{key}' of the request is nested deeper than {depth:d} levels",
            "Arrays and objects lie too deep inside each other.", "Send flatter JSON."},
    message{"request.json-too-much", form_reader,
            "values| the JSON of the request holds too many values\n"
            "containers| the JSON of the request holds too many arrays and objects\n"
            "members| an object in the JSON of the request has too many members\n"
            "list| '{key}' of the request holds too much: at most {elements:d} elements are allowed{values}",
            "The JSON is within its bytes, but has more parts than a request can need.",
            "Send fewer elements."},
    message{"request.wrong-type", form_reader,
            "json-number| json: a number in the request is out of range\n"
            "into| json: cannot unmarshal {tree} into Go value of type {go-type}\n"
            "json| json: cannot unmarshal number {dump} into Go struct field {path}.{key} of type int\n"
            "unmarshal| json: cannot unmarshal {what} into Go struct field {path}.{key} of type {go-type}",
            "A field has a value of another type; the words are those that clients of Ollama know.",
            "Give the field the type that is named at the end."},
    message{"request.unpacked-too-large", form_reader,
            "request-body| the request's body may have at most {most:d} bytes unpacked\n"
            "body| the body of this request may have at most {most:d} bytes",
            "The body is larger than this address takes.", "Send less."},
    message{"request.bad-encoding", form_reader,
            "request-body| the request's body is no valid zstd ({why}); send it uncompressed\n"
            "request| a request body with Content-Encoding {coding} is not supported: send it uncompressed",
            "The body came in a form that is not read here.", "Send it uncompressed."},
    message{"request.malformed", form_reader,
            "malformed| malformed request: {error}\n"
            "line| malformed request: a line too long\n"
            "line-feed| malformed request: a line ends in LF without CR\n"
            "proxy| malformed request: it begins with a PROXY header, which this server takes only from "
            "addresses in 'proxy_protocol_from'\n"
            "bad| bad Content-Length\n"
            "transfer| bad Transfer-Encoding\n"
            "unsupported| unsupported transfer encoding\n"
            "missing| missing required Host header\n"
            "too| too many Host headers\n"
            "request| bad request target\n"
            "unknown| unknown expectation\n"
            "http| HTTP version not supported",
            "The request breaks HTTP; the connection is closed.",
            "Use another client, or take away the proxy that changes requests."},
    message{"request.too-slow", form_reader,
            "header| the request's header took too long to arrive; ask again\n"
            "body| the request's body took too long to arrive; ask again",
            "The request did not arrive whole in its time.", "Ask again; on a slow line send less at once."},
    message{"request.too-many-heads", form_reader,
            "heads| this server reads as many long request headers as it can at once; ask again in a moment\n"
            "bodies| this server reads as many request bodies as it can at once; ask again in a moment\n"
            "connections| this server has as many connections as it may; ask again in a moment",
            "Connections, long headers or bodies of all clients together are as many as may be.",
            "Ask again in a moment."},
    message{"request.message-form", form_reader,
            "message| invalid message content type: {content}\n"
            "content| invalid content block format\n"
            "invalid| invalid system type: {value}\n"
            "too| [] is too short - 'messages'\n"
            "messages| messages is required\n"
            "required| messages is required, and none of them has any content\n"
            "call| invalid tool call arguments\n"
            "tool| tool_use block missing required '{key}' field\n"
            "arguments| failed to parse function call arguments: {why}\n"
            "failed| failed to parse function call arguments: they are not an object\n"
            "unknown| unknown input item type: {type}\n"
            "function| function_call_output requires a call_id or a name\n"
            "output| function_call_output requires a non-empty call_id\n"
            "execution| {type} execution must be \"client\" or \"server\", got {execution}\n"
            "client| {type} with client execution requires a non-empty call_id\n"
            "search| tool_search_call arguments must be an object\n"
            "empty| compaction input is empty\n"
            "requires| compaction_trigger requires stream=true\n"
            "trigger| compaction_trigger must be the final and only compaction trigger\n"
            "only| compaction_trigger is only valid on POST /v1/responses\n"
            "unsupported| unsupported compaction item: encrypted_content is not an Ollama payload\n"
            "ollama| unsupported Ollama compaction payload type or version\n"
            "compaction| Ollama compaction payload has an empty summary\n"
            "type| unknown content type: {type}\n"
            "input-required| input is required\n"
            "string| input must be a string or array\n"
            "invalid-input| invalid input\n"
            "input| invalid input type\n"
            "role| a message has no known role\n"
            "name| 'tool_call_id' and 'name' of a message may have at most {longest-id:d} bytes",
            "A message of the request does not have the form that its address asks for.",
            "Fix the field that is named, or use a current version of the client's library."},
    message{"request.field-missing", form_reader,
            "model| model is required\n"
            "max| max_tokens is required and must be positive\n"
            "neither| neither 'from' or 'files' was specified",
            "A field is missing that has no default.", "Add the field that is named."},
    message{
        "request.field-value", form_reader,
        "type| invalid type for 'stop' field: {what}\n"
        "top| top_logprobs must be between 0 and 20\n"
        "unsupported| Unsupported type: '{value}'\n"
        "time| time: missing unit in duration {text}\n"
        "unknown| time: unknown unit {unit} in duration {text}\n"
        "digest| invalid digest format\n"
        "output| output_config.format.schema must be a JSON Schema object\n"
        "invalid| invalid input_schema for tool {name}: it is not an object\n"
        "option| option \"{key}\" must be {wanted}\n"
        "think| invalid think value: {level} (must be \"high\", \"medium\", \"low\", \"max\", true, or "
        "false)\n"
        "boolean| think must be a boolean or string (\"high\", \"medium\", \"low\", \"max\", true, or "
        "false)\n"
        "value| Invalid value for 'encoding_format' = {encoding}. Supported values: ['float', 'base64'].\n"
        "tool| Tool choice '{name}' not found in 'tools' parameter.\n"
        "reasoning| invalid reasoning value: {words} (must be \"minimal\", \"low\", \"medium\", \"high\", "
        "\"xhigh\", \"ultra\", \"max\", or \"none\")",
        "A field has a value that can't be meant.", "One of the values that the sentence names."},
    message{"request.image-form", form_reader,
            "invalid| invalid image source\n"
            "image| invalid image source type: {type}. Only base64 images are supported.\n"
            "base| invalid base64 image data: illegal base64 data at input byte {what:d}\n"
            "illegal| illegal base64 data at input byte {what:d}\n"
            "input| invalid image input\n"
            "urls| image URLs are not currently supported, please use base64 encoded data instead\n"
            "images| images in messages are not supported",
            "The image did not come as base64 within the request; Corral fetches nothing from other servers.",
            "Send data:image/png;base64,… or the bytes in base64."},
    message{"request.not-built", form_reader,
            "file| file inputs are not currently supported\n"
            "audio| audio is not supported, because no model here can hear\n"
            "support| {model} does not support audio\n"
            "typical| typical_p is no longer supported\n"
            "logprobs| logprobs is not supported in responses: ask /v1/chat/completions for them\n"
            "debug| _debug_render_only is not supported: this server does not show rendered prompts\n"
            "supported| {unsupported} is not supported: this server makes no models out of files; create "
            "from a model that it has, or add one with 'corral import'",
            "No runtime here, or Corral itself, does not do this.",
            "Leave it out, or do what the sentence names."},
    message{"request.not-for-chat", form_reader,
            "embeddings~no-embeddings| this model does not support embeddings\n"
            "support| \"{model}\" does not support chat\n"
            "support-2| {typed} does not support {activity}",
            "The model lacks the capability; one that makes vectors, for instance, does not answer.",
            "Choose another model: 'corral list' shows what each can do."},
    message{"request.bad-name", form_reader,
            "invalid| invalid model name\n"
            "source| source {source} is invalid\n"
            "destination| destination {destination} is invalid\n"
            "name| name {typed} is invalid\n"
            "use| use either :local or :cloud, not both: {typed}",
            "The name has characters that no name has.",
            "Write NAME or NAME:TAG, such as qwen3:4b; 'corral list' or 'ollama list' shows those that are "
            "here."},
    message{"request.format-schema", form_reader,
            "format| the format's schema at {what}: {reason}\n"
            "schema-nested| the format's schema is nested too deeply\n"
            "format-must| the format must be \"json\" or a JSON Schema object\n"
            "pattern-must| 'pattern' must be a text of at most {pattern-bytes:d} bytes\n"
            "pattern-work| the patterns take too much work together, please leave this 'pattern' out\n"
            "pattern-run| this 'pattern' can't be run in bounded time ({longest}), please leave it out\n"
            "format-schema| the format's schema is longer than {text-bytes:d} KiB\n"
            "invalid| invalid format: {take}; expected \"json\" or a valid JSON Schema object\n"
            "refused~format-refused| {what}",
            "The schema can't be used; the place in it is named.",
            "Fix or leave out the keyword (docs/structured_output.md)."},
    message{
        "request.template", form_reader,
        "template| template: :{line:d}: {reason}\n"
        "template-place| the template has no place for tools, because it does not use .Tools; ask without "
        "them\n"
        "nothing| the prompt template makes nothing of this request, so there is nothing to answer",
        "The prompt template of the request or of a client's model has a mistake; line and mark are named.",
        "Fix the template, or leave it out."},
    message{"request.conversation", form_reader,
            "conversation-user| the conversation has no user message, so there is nothing to answer\n"
            "conversation-ends| the conversation ends with an assistant message, and this model can't "
            "continue one; end it with a user message\n"
            "conversation-message| the conversation has no message; send one\n"
            "conversation-messages| the conversation has no messages to send; send one\n"
            "model~not-renderable| this model has no form for such a conversation; send messages, or choose "
            "another model\n"
            "model-chat| the model's chat format '{name}' has no tools; ask without them\n"
            "chat-format| the chat format '{name}' can't fill in what stands between two texts; leave suffix "
            "out\n"
            "model-use| this model can't use a prompt template, because its program puts every prompt into "
            "the chat format itself; leave template out\n"
            "rendering~render-refused| {what}\n"
            "failed~render-failed| {what}",
            "The conversation can't be put into the form that the model reads.",
            "End with a message of the user; leave out what is named."},
    message{"request.verbatim", form_reader,
            "model-run| This model can't run a raw prompt, because its program asks the tokenizer by itself. "
            "Send messages.\n"
            "run-raw| This model can't run a raw prompt, because its tokenizer puts a chat template around "
            "every text. Send messages.\n"
            "model-takes| This model takes neither raw prompts nor an assistant turn to be continued, "
            "because its program puts a chat template around every conversation. Send messages.\n"
            "takes-images| This model takes images in whole conversations alone. Send messages.\n"
            "model| This model can't run a prompt of a single token. Send a longer one.\n"
            "prompt| The prompt is empty. Send a text.\n"
            "raw~verbatim-impossible| {what}\n"
            "too-short~prompt-too-short| {what}",
            "A raw prompt, a template or a begun answer does not reach this runtime as it stands.",
            "Send messages (/api/chat, /v1/chat/completions)."},
    message{"request.variant-full", form_reader,
            "there| there are {count:d} models made by clients already\n"
            "models| the models made by clients may hold at most {all-bytes} together\n"
            "you| you have {count:d} models already, and one client may have half of what others leave\n"
            "your| your models hold {bytes} already, and one client may have half of what others leave\n"
            "model-hold| a model may hold at most {document-bytes:d} bytes of texts and messages",
            "What clients may store is bounded; nothing was kept.",
            "Delete one (ollama rm NAME), then make it again."},
    message{"request.variant-name", form_reader,
            "model-name| there is no model of that name\n"
            "model-belongs| model '{name}' belongs to this server's configuration; choose another name, or "
            "have its operator change it there",
            "A client's model can't be made, copied or deleted under this name.", "Choose another name."},
    message{"request.vectors-memory", form_reader,
            "server~no-memory| this server has no memory left for the vectors of this request; ask again "
            "later, or send fewer texts\n"
            "request~too-many-vectors| a request may hold at most {length:d} texts for this model, whose "
            "vectors have {length:d} numbers",
            "The vectors of this many texts are more than may be held.", "Send fewer texts at once."},
    message{"request.vectors-too-long", form_reader,
            "~text-too-long| the input length exceeds the context length",
            "A text is longer than the model reads.", "Send shorter texts, or truncate = true."},
    message{"request.vectors-cancelled", form_reader,
            "request| request canceled\n"
            "client| the client has gone",
            "The client took the request back.", "Nothing; ask again for an answer."},
};

}  // namespace corral::core::messages

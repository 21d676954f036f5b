#pragma once
// What every wire format puts into a request alike.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json/json_fields.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/random_source.hpp"
#include "corral/http/message.hpp"

namespace corral::api {

// The handler of a route that `serve` answers: a coroutine of the context, the request and the writer.
template <typename Serve>
[[nodiscard]] auto route_of(const api_context& context, Serve serve) {
    return [context, serve](const http::request& incoming, http::response_writer& out) {
        return serve(context, incoming, out);
    };
}

// `prefix` and so many random hex digits.
[[nodiscard]] std::string hex_id(std::string_view prefix, unsigned digits, core::random_source& random);

// "chatcmpl-7": a number from 0 to 998 (docs/facts/ollama_wire.md#openai-chat-reply).
[[nodiscard]] std::string short_id(std::string_view prefix, core::random_source& random);

// Of a request, for the log: 16 hex digits, and the mark that it brings behind a dot (request_mark).
[[nodiscard]] std::string new_request_id(const api_context& context, const http::request& incoming);

// What a client says of when its answer is wanted. Headers of Corral's own, see docs/many_models.md#whose-turn-it-is.
inline constexpr std::string_view timeout_wish = "X-Request-Timeout";
inline constexpr std::string_view priority_wish = "X-Corral-Priority";
struct urgency {
    chat::priority_class priority = chat::priority_class::by_shape;
    core::deadline until;                    // never: nothing was said
    std::vector<std::string_view> unusable;  // headers without a meaning here
};
// `X-Request-Timeout` counts from the request's arrival, in seconds or with a unit ("1.5", "500ms"), up to a day.
[[nodiscard]] urgency urgency_of(const api_context& context, const http::request& incoming);

// Of whoever asks without a key; else empty.
[[nodiscard]] std::string address_for_log(const http::request& incoming);

// A request for `model`, known to the log and the queue; the format fills in the rest.
[[nodiscard]] chat::generation_request begin_request(const api_context& context,
                                                     const http::request& incoming,
                                                     const generation::served_model& model,
                                                     std::string typed);

// Loads `model` and waits until it can answer, to the request's own deadline `until` at most; nothing then, else why not.
// REQUIRES: `context` outlives the call.
[[nodiscard]] core::awaitable<std::optional<chat::failed_event>> load_model(
    const api_context& context, generation::served model, std::optional<core::nanoseconds> keep_alive,
    core::deadline until);

// The JSON object of a body, of Go's type "api.ChatRequest"; an empty one for null, and when there is a problem.
[[nodiscard]] nlohmann::ordered_json read_object(std::string_view body, const std::string& go_type,
                                                 decode_problem& problem);
// The same of a request that says little more than a name, so that it may be read in place.
[[nodiscard]] nlohmann::ordered_json read_small_object(std::string_view body, const std::string& go_type,
                                                       decode_problem& problem);
// The same for formats whose decoder says "EOF" of an empty body. Bodies may be compressed by zstd, and by nothing else.
[[nodiscard]] nlohmann::ordered_json read_plain_object(const http::request& incoming,
                                                       const std::string& go_type, decode_problem& problem);

// Go's name for the type of a value that it decoded without a schema: "float64", "[]interface {}".
[[nodiscard]] std::string_view go_type_of(const nlohmann::ordered_json& value);

// Adds to `tools` (null or an array) a function in the form that models get: name, description, parameters, in this
// order and nothing else. `parameters` nullptr: any.
void add_tool(nlohmann::ordered_json& tools, std::string name, const std::string& description,
              const nlohmann::ordered_json* parameters);

// Of `tools` those of which `choice`, a tool_choice of OpenAI or Anthropic, demands a call; none where it demands none.
[[nodiscard]] std::vector<std::string> demanded_tools(const nlohmann::ordered_json& tools,
                                                      const nlohmann::ordered_json& choice);

// X-Request-Id: the name that a balancer or a client gives a request, so that one word finds it in the logs of both.
inline constexpr std::string_view request_mark_field = "X-Request-Id";

// What the request brings: 1 to 128 of A-Z a-z 0-9 - _ . : and empty for anything else, which is ignored.
[[nodiscard]] std::string_view request_mark(const http::request& incoming);

// Nothing where there is no mark.
void add_request_mark(http::header_fields& headers, std::string_view mark);

}  // namespace corral::api

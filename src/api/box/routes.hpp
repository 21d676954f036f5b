#pragma once
// The API of the box itself, for its page, for `corral --url` and for programs of its operator (docs/dashboard.md). What
// reads wants the scope `observe`, what changes something `operate`.

#include <functional>
#include <string>
#include <string_view>

#include "corral/api/operator_desk.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/result.hpp"
#include "corral/http/message.hpp"

namespace corral::api::box {

// GET|POST|DELETE /corral/v1/session; GET of a link of 'corral ui'
void add_session_routes(http::router& routes, const api_context& context);
// GET /corral/v1/status, requests, speeds, events, logs/stream, incidents, incidents/NAME, settings, catalogue, packages,
// openapi.json; POST doctor
void add_box_routes(http::router& routes, const api_context& context);
// POST /corral/v1/models/load, unload, restart, pin, unpin, remove, import, pull; drain, undrain, reload, upgrade, page-link
void add_model_routes(http::router& routes, const api_context& context);
// GET|POST /corral/v1/keys; DELETE /corral/v1/keys/NAME
void add_key_routes(http::router& routes, const api_context& context);

// What a request must be allowed to; the last: come over the operator's socket.
enum class right { observe, operate, pull, command_line };

using box_handler =
    std::function<core::awaitable<void>(const api_context&, http::request&, http::response_writer&)>;

// `serve` for those who have the right; 403 for others.
[[nodiscard]] http::handler guarded(const api_context& context, right wanted, box_handler serve);

[[nodiscard]] core::awaitable<void> send(desk_json body, http::response_writer& out, unsigned status = 200);
[[nodiscard]] core::awaitable<void> send(http::response whole, http::response_writer& out);
// What a command printed, or its own refusal.
[[nodiscard]] core::awaitable<void> answer_command(core::result<desk_answer> answer, unsigned status_of_error,
                                                   http::response_writer& out);
// The JSON object of a body of at most 64 KiB; null, and the refusal is sent, when it is none.
[[nodiscard]] core::awaitable<desk_json> body_of(const http::request& incoming, http::response_writer& out);

// A refusal of the API of the box itself: {"error":"a sentence","advice":"what to do"}.
[[nodiscard]] http::response error_response(unsigned status, std::string_view error,
                                            core::random_source& random);
[[nodiscard]] http::response refusal(unsigned status, std::string_view error, std::string_view advice = {});
// Of a box without keys: who may see or change how it fares.
[[nodiscard]] http::response refusal_without_keys(const http::request& incoming);
// 409 for what the daemon refuses, 404 for what it does not have, 503 where too much is asked at once, 500 for the rest.
[[nodiscard]] http::response refusal_of(const core::failure& why);

}  // namespace corral::api::box

#include "engine/dialects/ax_poll/tokenizer_client.hpp"

#include <utility>

#include "corral/http/client.hpp"

namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

// What an answer can be: an identity, a number, the text of a few tokens.
std::size_t most_bytes(tokenizer_field wanted) {
    const bool ids = wanted == tokenizer_field::ids || wanted == tokenizer_field::diff;
    return ids ? most_tokenizer_reply : 64UL * 1024;
}

core::awaitable<tokenizer_answer> perform(http::client_call what, tokenizer_field wanted) {
    what.max_reply_bytes = most_bytes(wanted);
    auto reply = co_await http::call(std::move(what));
    if (reply) {
        co_return read_tokenizer_reply(reply->status, std::move(reply->body), wanted);
    }
    tokenizer_answer out;
    const core::error_code why = reply.error().code;
    out.fault = why == core::make_error_code(core::errc::timed_out)        ? tokenizer_fault::timed_out
                : why == core::make_error_code(core::errc::limit_exceeded) ? tokenizer_fault::too_long
                                                                           : tokenizer_fault::unreachable;
    out.said = to_string(out.fault);
    co_return out;
}

}  // namespace

core::awaitable<tokenizer_answer> tokenizer_client::get(std::string_view target, tokenizer_field wanted,
                                                        core::deadline until) const {
    http::client_call what;
    what.to = to_;
    what.target = target;
    what.until = until;
    co_return co_await perform(std::move(what), wanted);
}

core::awaitable<tokenizer_answer> tokenizer_client::post(std::string_view target, nlohmann::json body,
                                                         tokenizer_field wanted, core::deadline until) const {
    http::client_call what;
    what.to = to_;
    what.method = "POST";
    what.target = target;
    what.content_type = "application/json";
    what.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    what.until = until;
    co_return co_await perform(std::move(what), wanted);
}

}  // namespace corral::engine::ax_poll

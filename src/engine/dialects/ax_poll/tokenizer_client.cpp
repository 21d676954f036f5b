#include "engine/dialects/ax_poll/tokenizer_client.hpp"

#include <utility>

namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

// What an answer can be: an identity, a number, the text of a few tokens.
std::size_t most_bytes(tokenizer_field wanted) {
    const bool ids = wanted == tokenizer_field::ids || wanted == tokenizer_field::diff;
    return ids ? most_tokenizer_reply : 64UL * 1024;
}

// About what the fields of a body take as JSON.
std::size_t text_bytes(const json& body) {
    constexpr std::size_t of_an_id = 6;
    std::size_t bytes = 0;
    for (const json& field : body) {
        bytes += field.is_string() ? field.get_ref<const std::string&>().size() : field.size() * of_an_id;
    }
    return bytes;
}

}  // namespace

core::awaitable<tokenizer_answer> tokenizer_client::perform(http::client_call what,
                                                            tokenizer_field wanted) const {
    auto threads = threads_;
    what.max_reply_bytes = most_bytes(wanted);
    what.gone = *gone_;
    auto reply = co_await http::call(std::move(what));
    if (reply) {
        const std::size_t bytes = reply->body.size();
        const auto body = std::make_shared<const std::string>(std::move(reply->body));
        std::function<tokenizer_answer()> work = [status = reply->status, body, wanted] {
            return read_tokenizer_reply(status, *body, wanted);
        };
        auto reading = beside(std::move(threads), bytes, std::move(work));
        co_return co_await std::move(reading);
    }
    tokenizer_answer out;
    const core::error_code why = reply.error().code;
    out.fault = why == core::make_error_code(core::errc::timed_out)        ? tokenizer_fault::timed_out
                : why == core::make_error_code(core::errc::limit_exceeded) ? tokenizer_fault::too_long
                                                                           : tokenizer_fault::unreachable;
    out.said = to_string(out.fault);
    co_return out;
}

core::awaitable<tokenizer_answer> tokenizer_client::get(std::string_view target, tokenizer_field wanted,
                                                        core::deadline until) const {
    http::client_call what;
    what.to = to_;
    what.target = target;
    what.until = until;
    auto performing = perform(std::move(what), wanted);
    co_return co_await std::move(performing);
}

core::awaitable<tokenizer_answer> tokenizer_client::post(std::string_view target, nlohmann::json body,
                                                         tokenizer_field wanted, core::deadline until) const {
    auto posting = post(target, std::make_shared<const json>(std::move(body)), {}, wanted, until);
    co_return co_await std::move(posting);
}

core::awaitable<tokenizer_answer> tokenizer_client::post(std::string_view target, shared_body body,
                                                         std::string uid, tokenizer_field wanted,
                                                         core::deadline until) const {
    http::client_call what;
    what.to = to_;
    what.method = "POST";
    what.target = target;
    what.content_type = "application/json";
    const std::size_t bytes = text_bytes(*body);
    std::function<std::string()> work = [body, uid] {
        json whole = *body;
        if (!uid.empty()) {
            whole["uid"] = uid;
        }
        return whole.dump(-1, ' ', false, json::error_handler_t::replace);
    };
    auto writing = beside(threads_, bytes, std::move(work));
    what.body = co_await std::move(writing);
    what.until = until;
    auto performing = perform(std::move(what), wanted);
    co_return co_await std::move(performing);
}

}  // namespace corral::engine::ax_poll

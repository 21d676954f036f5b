#include "corral/engine/token_listing.hpp"

#include <chrono>
#include <utility>

#include "corral/core/say.hpp"
#include "engine/dialects/ax_poll/own_identity.hpp"
#include "engine/dialects/ax_poll/tokenizer_client.hpp"
#include "engine/dialects/ax_poll/verbatim_encoder.hpp"

namespace corral::engine {

namespace {

using namespace ax_poll;
using nlohmann::json;

core::failure no_answer(const tokenizer_answer& from) {
    const core::errc code =
        from.fault == tokenizer_fault::timed_out ? core::errc::timed_out : core::errc::protocol;
    return core::make_failure(code, core::say("runtime.tokenizer-away/tokenizer-service", from.said));
}

json decode_question(const std::string& uid, std::int64_t id) {
    json out{{"uid", uid}};
    out["token_ids"] = json::array();
    out["token_ids"].push_back(id);
    return out;
}

core::awaitable<core::result<token_ids>> encode(verbatim_encoder& by, const chat::rendered_prompt& prompt,
                                                core::deadline until) {
    const verbatim_encoder::predicate wanted = [] { return false; };
    if (prompt.verbatim) {
        auto asked = by.encode(prompt.turns, until, wanted);
        co_return co_await std::move(asked);
    }
    auto asked = by.encode_wrapped(prompt.system, prompt.turns, until, wanted);
    co_return co_await std::move(asked);
}

// The encoder puts it before a text of one token.
void drop_mark(token_listing& from, const chat::family& format, const chat::rendered_prompt& prompt) {
    if (prompt.verbatim && from.pieces.size() == 2 && from.pieces.front() == format.document_mark &&
        !prompt.turns.starts_with(format.document_mark)) {
        from.pieces.erase(from.pieces.begin());
        from.ids.erase(from.ids.begin());
    }
}

}  // namespace

core::awaitable<core::result<token_listing>> list_tokens(core::executor on,
                                                         boost::asio::ip::tcp::endpoint service,
                                                         const chat::family& format,
                                                         chat::rendered_prompt prompt, core::deadline until) {
    const core::steady_clock_source clock;
    const tokenizer_client client(service);
    own_identity identity(on, client);
    verbatim_encoder encoder(identity, clock, &format);
    token_listing out;
    // The first makes the identity and learns the wrapper's shape.
    core::result<token_ids> ids = co_await encode(encoder, prompt, until);
    if (!ids) {
        co_return ids.error();
    }
    core::steady_time begun = clock.now();
    ids = co_await encode(encoder, prompt, until);
    if (!ids) {
        co_return ids.error();
    }
    out.encoding = clock.now() - begun;
    out.ids = std::move(*ids);
    const tokenizer_answer fresh = co_await client.get("/get_uid", tokenizer_field::uid, until);
    if (fresh.fault != tokenizer_fault::none) {
        co_return no_answer(fresh);
    }
    const std::string uid = fresh.json["uid"].get<std::string>();
    begun = clock.now();
    for (const std::int64_t id : out.ids) {
        json question = decode_question(uid, id);
        const tokenizer_answer said =
            co_await client.post("/decode", std::move(question), tokenizer_field::text, until);
        if (said.fault != tokenizer_fault::none) {
            co_return no_answer(said);
        }
        out.pieces.push_back(said.json["text"].get<std::string>());
    }
    out.decoding = clock.now() - begun;
    drop_mark(out, format, prompt);
    co_return out;
}

}  // namespace corral::engine

#include "engine/dialects/ax_poll/token_counter.hpp"

#include <utility>

namespace corral::engine::ax_poll {

using nlohmann::json;

core::awaitable<tokenizer_fault> token_counter::try_count(const std::string& system, const std::string& turns,
                                                          token_counts& out, core::deadline until) {
    if (uid_.empty()) {
        const tokenizer_answer fresh = co_await service_.get("/get_uid", tokenizer_field::uid, until);
        if (fresh.fault != tokenizer_fault::none) {
            co_return fresh.fault;
        }
        uid_ = fresh.json["uid"].get<std::string>();
    }
    json reset = {{"system_prompt", system}, {"uid", uid_}};
    const tokenizer_answer first =
        co_await service_.post("/reset", std::move(reset), tokenizer_field::ids, until);
    if (first.fault != tokenizer_fault::none) {
        co_return first.fault;
    }
    json encode = {{"img_prompt", false}, {"text", turns}, {"uid", uid_}};
    const tokenizer_answer second =
        co_await service_.post("/encode", std::move(encode), tokenizer_field::diff, until);
    if (second.fault == tokenizer_fault::none) {
        out.system = static_cast<std::uint32_t>(first.json["token_ids"].size());
        out.turns = static_cast<std::uint32_t>(second.json["diff"].size());
    }
    co_return second.fault;
}

core::awaitable<core::result<token_counts>> token_counter::count(std::string system, std::string turns,
                                                                 core::deadline until) {
    token_counts out;
    tokenizer_fault fault = tokenizer_fault::none;
    for (int i = 0; i < 2; ++i) {
        fault = co_await try_count(system, turns, out, until);
        if (fault == tokenizer_fault::none) {
            co_return out;
        }
        uid_.clear();
        if (fault != tokenizer_fault::unknown_uid) {
            break;
        }
    }
    co_return core::make_failure(core::errc::unavailable,
                                 std::string("The tokenizer service ") + to_string(fault) + ".");
}

}  // namespace corral::engine::ax_poll

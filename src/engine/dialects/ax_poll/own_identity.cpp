#include "engine/dialects/ax_poll/own_identity.hpp"

#include <utility>

namespace corral::engine::ax_poll {

namespace {

using nlohmann::json;

constexpr std::string_view replacement = "\xEF\xBF\xBD";
constexpr std::size_t most_clutter = 200'000;

class in_use {
public:
    in_use(bool& flag, core::wake_signal& free) : flag_(flag), free_(free) { flag_ = true; }
    in_use(const in_use&) = delete;
    in_use& operator=(const in_use&) = delete;
    ~in_use() {
        flag_ = false;
        free_.ring();
    }

private:
    bool& flag_;
    core::wake_signal& free_;
};

}  // namespace

void own_identity::on_tokenizer_started() {
    uid_.clear();
    cluttered_ = false;
    clutter_ids_ = 0;
}

// The scripts feed what they encode into the identity's decode cache, which a U+FFFD keeps from ever being
// emptied, and decode all of it again with each call (docs/facts/vendor_ax.md#tokenizer-semantics).
void own_identity::note_clutter(const std::string& system, const std::string& turns, std::size_t ids) {
    cluttered_ = cluttered_ || system.find(replacement) != std::string::npos ||
                 turns.find(replacement) != std::string::npos;
    if (cluttered_) {
        clutter_ids_ += ids;
    }
    if (clutter_ids_ > most_clutter) {
        on_tokenizer_started();
    }
}

core::awaitable<conversation_ids> own_identity::try_encode(const std::string& system,
                                                           const std::string& turns, core::deadline until) {
    conversation_ids out;
    if (uid_.empty()) {
        const tokenizer_answer fresh = co_await service_.get("/get_uid", tokenizer_field::uid, until);
        out.fault = fresh.fault;
        out.said = fresh.said;
        if (fresh.fault != tokenizer_fault::none) {
            co_return out;
        }
        uid_ = fresh.json["uid"].get<std::string>();
    }
    // Not by lists of members: these copy a long text three times.
    json reset = {{"uid", uid_}};
    reset["system_prompt"] = system;
    const tokenizer_answer first =
        co_await service_.post("/reset", std::move(reset), tokenizer_field::ids, until);
    out.fault = first.fault;
    out.said = first.said;
    if (first.fault != tokenizer_fault::none) {
        co_return out;
    }
    json encode = {{"img_prompt", false}, {"uid", uid_}};
    encode["text"] = turns;
    const tokenizer_answer second =
        co_await service_.post("/encode", std::move(encode), tokenizer_field::diff, until);
    out.fault = second.fault;
    out.said = second.said;
    if (second.fault == tokenizer_fault::none) {
        out.system = first.ids;
        out.turns = second.ids;
        note_clutter(system, turns, out.system.size() + out.turns.size());
    }
    co_return out;
}

core::awaitable<conversation_ids> own_identity::try_plain_texts(core::deadline until) {
    std::string system = "You are a helpful assistant.";
    std::string turns = "Hi";
    co_return co_await encode(std::move(system), std::move(turns), until);
}

core::awaitable<conversation_ids> own_identity::encode(std::string system, std::string turns,
                                                       core::deadline until) {
    while (busy_) {
        const core::wake_reason woken = co_await free_.wait(until);
        if (woken != core::wake_reason::rung) {
            co_return conversation_ids{tokenizer_fault::unreachable, "was busy with another count", {}, {}};
        }
    }
    const in_use mine(busy_, free_);
    conversation_ids out = co_await try_encode(system, turns, until);
    if (out.fault == tokenizer_fault::unknown_uid) {
        on_tokenizer_started();
        out = co_await try_encode(system, turns, until);
    }
    if (out.fault == tokenizer_fault::unknown_uid) {
        on_tokenizer_started();
    }
    co_return out;
}

}  // namespace corral::engine::ax_poll

#include "corral/generation/failure_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "corral/core/say.hpp"

namespace corral::generation {

namespace {

using chat::failure_cause;

struct words {
    failure_cause cause;
    core::known_wording<> happened;
    bool restarts = true;  // Corral starts it again
};

constexpr core::known_wording<> no_answer = "request.no-answer";
constexpr core::known_wording<> too_late = "request.too-late";
constexpr core::known_wording<> no_vectors = "request.no-vectors";
constexpr core::known_wording<> no_tokens = "request.no-tokens";

constexpr std::array known{
    words{failure_cause::runtime_died, "request.runtime-died"},
    words{failure_cause::tokenizer_died, "request.tokenizer-died"},
    words{failure_cause::restarted, "request.restarted"},
    words{failure_cause::tokenizer_unavailable, no_tokens},
    words{failure_cause::measure_failed, no_tokens},
    words{failure_cause::decode_stalled, "request.hung"},
    words{failure_cause::prefill_stalled, too_late},
    words{failure_cause::reset_stalled, too_late},
    words{failure_cause::runtime_hung, too_late},
    words{failure_cause::runtime_stuck, too_late},
    words{failure_cause::reset_refused, no_answer, false},
    words{failure_cause::call_failed, no_answer, false},
    words{failure_cause::protocol, no_answer, false},
    words{failure_cause::error_as_text, no_answer, false},
    words{failure_cause::empty_answer, no_answer, false},
    words{failure_cause::generate_swallowed, no_answer, false},
    words{failure_cause::answer_failed, "request.failed-inside", false},
    words{failure_cause::stopping, "request.stopping"},
    words{failure_cause::not_ready, "request.not-ready"},
    words{failure_cause::reset_swallowed, no_answer},
    words{failure_cause::mute, no_answer},
    words{failure_cause::load_deadline, "request.load-too-late", false},
    words{failure_cause::call_silent, "request.vectors-late", false},
    words{failure_cause::embedding_refused, no_vectors, false},
    words{failure_cause::vectors_unusable, no_vectors, false},
};

std::string when(std::optional<core::seconds> wait) {
    if (!wait) {
        return "in about a minute";
    }
    const auto seconds = std::max<std::int64_t>(wait->count(), 1);
    if (seconds >= 120) {
        return "in about " + std::to_string((seconds + 30) / 60) + " minutes";
    }
    return "in " + std::to_string(seconds) + (seconds == 1 ? " second" : " seconds");
}

}  // namespace

chat::failure of_stopped_model(chat::failure why, core::reason stopped) {
    const auto found = std::ranges::find(known, why.cause, &words::cause);
    if (found != known.end() && found->restarts) {
        why.kind = chat::failure_kind::unavailable;
        why.cause = failure_cause::model_stopped;
        why.message = std::move(stopped);
        why.retry_after.reset();
    }
    return why;
}

chat::failure for_client(chat::failure why, std::optional<core::seconds> load) {
    const std::optional<core::seconds> wait = why.retry_after ? why.retry_after : load;
    const auto found = std::ranges::find(known, why.cause, &words::cause);
    if (found != known.end()) {
        why.message = core::say(found->happened)
                          .led_to_by(found->restarts ? core::say("request.runtime-died/again", when(wait))
                                                     : core::say("request.no-answer/again"));
    } else if (why.cause == failure_cause::backend_broken) {
        why.message = core::say("request.model-broken", when(wait));
    } else if (why.cause == failure_cause::remote_away) {
        why.message = core::say("request.remote-away", when(wait));
    }
    return why;
}

}  // namespace corral::generation

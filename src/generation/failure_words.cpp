#include "corral/generation/failure_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "corral/core/say.hpp"

namespace corral::generation {

namespace {

struct words {
    core::known_outcome of;
    core::known_wording<> happened;
    bool restarts = true;  // Corral starts it again
};

constexpr core::known_wording<> no_answer = "request.no-answer";
constexpr core::known_wording<> too_late = "request.too-late";
constexpr core::known_wording<> no_vectors = "request.no-vectors";
constexpr core::known_wording<> no_tokens = "request.no-tokens";

// Not constexpr: each name is then looked up by itself, while all of them take more steps than Clang allows at once.
const std::array known{
    words{"runtime-died", "request.runtime-died"},
    words{"tokenizer-died", "request.tokenizer-died"},
    words{"restarted", "request.restarted"},
    words{"tokenizer-unavailable", no_tokens},
    words{"measure-failed", no_tokens},
    words{"decode-stalled", "request.hung"},
    words{"prefill-stalled", too_late},
    words{"reset-stalled", too_late},
    words{"runtime-hung", too_late},
    words{"runtime-stuck", too_late},
    words{"reset-refused", no_answer, false},
    words{"call-failed", no_answer, false},
    words{"protocol", no_answer, false},
    words{"error-as-text", no_answer, false},
    words{"empty-answer", no_answer, false},
    words{"generate-swallowed", no_answer, false},
    words{"answer-failed", "request.failed-inside", false},
    words{"stopping", "request.stopping"},
    words{"not-ready", "request.not-ready"},
    words{"reset-swallowed", no_answer},
    words{"mute", no_answer},
    words{"load-deadline", "request.load-too-late", false},
    words{"call-silent", "request.vectors-late", false},
    words{"embedding-refused", no_vectors, false},
    words{"vectors-unusable", no_vectors, false},
};

const words* words_for(const chat::failure& why) {
    const auto found = std::ranges::find_if(known, [&](const words& each) { return is(why, each.of); });
    return found == known.end() ? nullptr : &*found;
}

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
    const words* const found = words_for(why);
    if (found != nullptr && found->restarts) {
        why.kind = chat::failure_kind::unavailable;
        why.message = std::move(stopped);
        why.retry_after.reset();
    }
    return why;
}

chat::failure for_client(chat::failure why, std::optional<core::seconds> load) {
    const std::optional<core::seconds> wait = why.retry_after ? why.retry_after : load;
    if (const words* const found = words_for(why)) {
        why.message = core::say(found->happened)
                          .led_to_by(found->restarts ? core::say("request.runtime-died/again", when(wait))
                                                     : core::say("request.no-answer/again"));
    } else if (is(why, "backend-broken")) {
        why.message = core::say("request.model-broken", when(wait));
    } else if (is(why, "remote-away")) {
        why.message = core::say("request.remote-away", when(wait));
    }
    return why;
}

}  // namespace corral::generation

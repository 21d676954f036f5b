#include "corral/generation/failure_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corral::generation {

namespace {

struct words {
    std::string_view cause;
    std::string_view happened;
    bool restarts = true;  // Corral starts it again
};

constexpr std::string_view no_answer = "The model's program gave no usable answer.";
constexpr std::string_view too_late = "The model's program did not answer in its time.";
constexpr std::string_view no_vectors = "The model gave no usable vectors for these texts.";
constexpr std::string_view no_tokens = "The model's tokenizer does not answer.";

constexpr std::array known{
    words{"runtime-died", "The model's program stopped while it worked on this answer."},
    words{"tokenizer-died", "The model's tokenizer stopped while it worked on this answer."},
    words{"tokenizer-unavailable", no_tokens},
    words{"measure-failed", no_tokens},
    words{"decode-stalled", "The model's program hung in the middle of this answer."},
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
    words{"answer-failed", "The model's program reported a failure of this answer.", false},
    words{"stopping", "The model's program is being stopped."},
    words{"not-ready", "The model's program is not ready."},
    words{"reset-swallowed", no_answer},
    words{"mute", no_answer},
    words{"load-deadline", "The model was not ready in its time.", false},
    words{"call-silent", "The model made no vectors in its time.", false},
    words{"embedding-refused", no_vectors, false},
    words{"vectors-unusable", no_vectors, false},
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

chat::failure for_client(chat::failure why, std::optional<core::seconds> load) {
    const std::optional<core::seconds> wait = why.retry_after ? why.retry_after : load;
    const auto found = std::ranges::find(known, std::string_view(why.cause), &words::cause);
    if (found != known.end()) {
        why.message =
            std::string(found->happened) +
            (found->restarts ? " Corral starts it again by itself; ask again " + when(wait) + "."
                             : std::string(" Ask again; if it happens each time, tell the operator."));
    } else if (why.cause == "backend-broken") {
        why.message = "The model does not start. Corral tries again by itself; ask again " + when(wait) +
                      ". 'corral status' tells its operator why.";
    } else if (why.cause == "remote-away") {
        why.message =
            "The other server that answers for this model does not serve now. Ask again " + when(wait) + ".";
    }
    return why;
}

}  // namespace corral::generation

#include "corral/generation/failure_words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corral::generation {

namespace {

using chat::failure_cause;

struct words {
    failure_cause cause;
    std::string_view happened;
    bool restarts = true;  // Corral starts it again
};

constexpr std::string_view no_answer = "The model's program gave no usable answer.";
constexpr std::string_view too_late = "The model's program did not answer in its time.";
constexpr std::string_view no_vectors = "The model gave no usable vectors for these texts.";
constexpr std::string_view no_tokens = "The model's tokenizer does not answer.";

constexpr std::array known{
    words{failure_cause::runtime_died, "The model's program stopped while it worked on this answer."},
    words{failure_cause::tokenizer_died, "The model's tokenizer stopped while it worked on this answer."},
    words{failure_cause::tokenizer_unavailable, no_tokens},
    words{failure_cause::measure_failed, no_tokens},
    words{failure_cause::decode_stalled, "The model's program hung in the middle of this answer."},
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
    words{failure_cause::answer_failed, "The model's program reported a failure of this answer.", false},
    words{failure_cause::stopping, "The model's program is being stopped."},
    words{failure_cause::not_ready, "The model's program is not ready."},
    words{failure_cause::reset_swallowed, no_answer},
    words{failure_cause::mute, no_answer},
    words{failure_cause::load_deadline, "The model was not ready in its time.", false},
    words{failure_cause::call_silent, "The model made no vectors in its time.", false},
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

chat::failure for_client(chat::failure why, std::optional<core::seconds> load) {
    const std::optional<core::seconds> wait = why.retry_after ? why.retry_after : load;
    const auto found = std::ranges::find(known, why.cause, &words::cause);
    if (found != known.end()) {
        why.message =
            std::string(found->happened) +
            (found->restarts ? " Corral starts it again by itself; ask again " + when(wait) + "."
                             : std::string(" Ask again; if it happens each time, tell the operator."));
    } else if (why.cause == failure_cause::backend_broken) {
        why.message = "The model does not start. Corral tries again by itself; ask again " + when(wait) +
                      ". 'corral status' tells its operator why.";
    } else if (why.cause == failure_cause::remote_away) {
        why.message =
            "The other server that answers for this model does not serve now. Ask again " + when(wait) + ".";
    }
    return why;
}

}  // namespace corral::generation

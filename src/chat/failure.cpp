#include "corral/chat/failure.hpp"

#include <array>
#include <cstddef>

namespace corral::chat {

namespace {

// In the order of the kinds.
constexpr std::array names{"bad-request",     "context-too-long", "unsupported", "format-unmet",
                           "model-not-found", "queue-full",       "unavailable", "timed-out",
                           "runtime-failed",  "shutting-down",    "cancelled",   "internal"};
static_assert(names.size() == static_cast<std::size_t>(failure_kind::internal) + 1);

struct row {
    failure_cause cause;
    const char* name;
    bool in_our_own_words = false;  // its message never quotes a prompt
};

constexpr std::array causes{
    row{failure_cause::none, ""},
    row{failure_cause::answer_failed, "answer-failed", true},
    row{failure_cause::answer_too_long, "answer-too-long", true},
    row{failure_cause::backend_broken, "backend-broken", true},
    row{failure_cause::busy, "busy"},
    row{failure_cause::cache_differs, "cache-differs"},
    row{failure_cause::cache_untold, "cache-untold"},
    row{failure_cause::call_failed, "call-failed", true},
    row{failure_cause::call_silent, "call-silent", true},
    row{failure_cause::context_full, "context-full"},
    row{failure_cause::deadline, "deadline", true},
    row{failure_cause::deadline_unreachable, "deadline-unreachable"},
    row{failure_cause::decode_stalled, "decode-stalled", true},
    row{failure_cause::embedding_refused, "embedding-refused"},
    row{failure_cause::empty_answer, "empty-answer", true},
    row{failure_cause::error_as_text, "error-as-text", true},
    row{failure_cause::foreign_stop, "foreign-stop", true},
    row{failure_cause::foreign_text, "foreign-text", true},
    row{failure_cause::format_refused, "format-refused"},
    row{failure_cause::generate_refused, "generate-refused"},
    row{failure_cause::generate_swallowed, "generate-swallowed", true},
    row{failure_cause::image_refused, "image-refused"},
    row{failure_cause::load_deadline, "load-deadline", true},
    row{failure_cause::measure_failed, "measure-failed"},
    row{failure_cause::model_changed, "model-changed", true},
    row{failure_cause::model_removed, "model-removed", true},
    row{failure_cause::model_stopped, "model-stopped", true},
    row{failure_cause::mute, "mute", true},
    row{failure_cause::no_embeddings, "no-embeddings"},
    row{failure_cause::no_end, "no-end"},
    row{failure_cause::no_memory, "no-memory"},
    row{failure_cause::no_refusal, "no-refusal"},
    row{failure_cause::no_room, "no-room", true},
    row{failure_cause::no_verbatim_prompts, "no-verbatim-prompts"},
    row{failure_cause::not_ready, "not-ready", true},
    row{failure_cause::not_renderable, "not-renderable"},
    row{failure_cause::poisonous, "poisonous", true},
    row{failure_cause::prefill_stalled, "prefill-stalled", true},
    row{failure_cause::prompt_too_short, "prompt-too-short"},
    row{failure_cause::protocol, "protocol", true},
    row{failure_cause::quarantined, "quarantined"},
    row{failure_cause::queue_deadline, "queue-deadline", true},
    row{failure_cause::reader_cancelled, "reader-cancelled"},
    row{failure_cause::remote_away, "remote-away", true},
    row{failure_cause::remote_busy, "remote-busy"},
    row{failure_cause::remote_failed, "remote-failed"},
    row{failure_cause::remote_garbled, "remote-garbled", true},
    row{failure_cause::remote_key, "remote-key"},
    row{failure_cause::remote_lost, "remote-lost", true},
    row{failure_cause::remote_refused, "remote-refused"},
    row{failure_cause::remote_silent, "remote-silent", true},
    row{failure_cause::remote_unsupported, "remote-unsupported"},
    row{failure_cause::render_failed, "render-failed"},
    row{failure_cause::render_refused, "render-refused"},
    row{failure_cause::request_deadline, "request-deadline", true},
    row{failure_cause::reset_refused, "reset-refused", true},
    row{failure_cause::reset_stalled, "reset-stalled", true},
    row{failure_cause::reset_swallowed, "reset-swallowed", true},
    row{failure_cause::restarted, "restarted", true},
    row{failure_cause::run_cancelled, "run-cancelled"},
    row{failure_cause::runtime_died, "runtime-died", true},
    row{failure_cause::runtime_error, "runtime-error"},
    row{failure_cause::runtime_hung, "runtime-hung", true},
    row{failure_cause::runtime_stuck, "runtime-stuck", true},
    row{failure_cause::salt_refused, "salt-refused"},
    row{failure_cause::stopping, "stopping", true},
    row{failure_cause::template_refused, "template-refused"},
    row{failure_cause::text_too_long, "text-too-long"},
    row{failure_cause::texts_refused, "texts-refused"},
    row{failure_cause::tier_without_vision, "tier-without-vision"},
    row{failure_cause::tokenizer_died, "tokenizer-died", true},
    row{failure_cause::tokenizer_foreign_ids, "tokenizer-foreign-ids", true},
    row{failure_cause::tokenizer_refused, "tokenizer-refused", true},
    row{failure_cause::tokenizer_unavailable, "tokenizer-unavailable", true},
    row{failure_cause::too_many_vectors, "too-many-vectors"},
    row{failure_cause::value_refused, "value-refused"},
    row{failure_cause::vectors_not_finite, "vectors-not-finite"},
    row{failure_cause::vectors_unusable, "vectors-unusable", true},
    row{failure_cause::verbatim_impossible, "verbatim-impossible"},
};

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < causes.size(); ++i) {
        if (static_cast<std::size_t>(causes[i].cause) != i) {
            return false;
        }
    }
    return true;
}
static_assert(is_in_order() && causes.back().cause == failure_cause::verbatim_impossible);

const row& row_of(failure_cause cause) noexcept {
    return causes[static_cast<std::size_t>(cause)];
}

}  // namespace

const char* name_of(failure_kind kind) noexcept {
    return names[static_cast<std::size_t>(kind)];
}

const char* name_of(failure_cause cause) noexcept {
    return row_of(cause).name;
}

const char* name_of(const failure& why) noexcept {
    return why.cause == failure_cause::none ? name_of(why.kind) : name_of(why.cause);
}

// Closed unless it is known: a cause that does not keep to our own words keeps them to the client.
bool tells_why(const failure& why) noexcept {
    const bool of_the_runtime = why.kind == failure_kind::unavailable ||
                                why.kind == failure_kind::runtime_failed ||
                                why.kind == failure_kind::timed_out;
    return of_the_runtime && row_of(why.cause).in_our_own_words;
}

}  // namespace corral::chat

#pragma once
// Why a request failed, from the scheduler and the runtime up to the client.

#include <cstdint>
#include <optional>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"

namespace corral::chat {

// Why a request failed; each wire format maps these to its own statuses in one table.
enum class failure_kind {
    bad_request,       // the request can't be carried out as it stands
    context_too_long,  // one turn alone exceeds the context, or shortening was forbidden
    unsupported,       // this runtime can't do it
    format_unmet,      // the model did not keep to the wanted format, however often it was asked
    model_not_found,
    queue_full,   // retry_after is set
    unavailable,  // loading or broken
    timed_out,
    runtime_failed,  // died, hung or answered nonsense
    shutting_down,
    cancelled,  // the client went away; this has no reader
    internal,
};

// What it failed of, more closely than by its kind: one name each in logs, metrics and bundles. In the order of the names.
enum class failure_cause : std::uint8_t {
    none,  // the kind says it all
    answer_failed,
    answer_too_long,
    backend_broken,
    busy,
    cache_differs,
    cache_untold,
    call_failed,
    call_silent,
    context_full,
    deadline,
    deadline_unreachable,
    decode_stalled,
    embedding_refused,
    empty_answer,
    error_as_text,
    foreign_stop,
    foreign_text,
    format_refused,
    generate_refused,
    generate_swallowed,
    image_refused,
    load_deadline,
    measure_failed,
    model_changed,
    model_removed,
    model_stopped,
    mute,
    no_embeddings,
    no_end,
    no_memory,
    no_refusal,
    no_room,
    no_verbatim_prompts,
    not_ready,
    not_renderable,
    poisonous,
    prefill_stalled,
    prompt_too_short,
    protocol,
    quarantined,
    queue_deadline,
    reader_cancelled,
    remote_away,
    remote_busy,
    remote_failed,
    remote_garbled,
    remote_key,
    remote_lost,
    remote_refused,
    remote_silent,
    remote_unsupported,
    render_failed,
    render_refused,
    request_deadline,
    reset_refused,
    reset_stalled,
    reset_swallowed,
    restarted,
    run_cancelled,
    runtime_died,
    runtime_error,
    runtime_hung,
    runtime_stuck,
    salt_refused,
    stopping,
    template_refused,
    text_too_long,
    texts_refused,
    tier_without_vision,
    tokenizer_died,
    tokenizer_foreign_ids,
    tokenizer_refused,
    tokenizer_unavailable,
    too_many_vectors,
    value_refused,
    vectors_not_finite,
    vectors_unusable,
    verbatim_impossible,
};

struct failure {
    failure_kind kind = failure_kind::internal;
    failure_cause cause = failure_cause::none;
    core::reason message;  // for the client
    std::optional<core::seconds> retry_after{};
    bool retryable = false;  // the same request may do better
};

// Stable word for logs and monitoring: "queue-full".
[[nodiscard]] const char* name_of(failure_kind kind) noexcept;
// "tokenizer-died"; of none "".
[[nodiscard]] const char* name_of(failure_cause cause) noexcept;
// Of its cause, or else of its kind.
[[nodiscard]] const char* name_of(const failure& why) noexcept;

// The message is about the runtime and our own state, and holds nothing of a request, so the log may have it. A
// runtime that refuses or gives up may do so in the words of the prompt.
[[nodiscard]] bool tells_why(const failure& why) noexcept;

}  // namespace corral::chat

#include "api/failure_status.hpp"

#include <array>

#include "api/model_lookup.hpp"

namespace corral::api {

namespace {

using chat::failure_kind;

struct failure_row {
    failure_kind kind;
    unsigned status;
    const char* name;
};

// docs/facts/ollama_wire.md#errors, #keep-alive; what Ollama has no case for takes the nearest HTTP status.
constexpr std::array<failure_row, 12> rows{{
    {failure_kind::bad_request, 400, "bad-request"},
    {failure_kind::context_too_long, 400, "context-too-long"},
    {failure_kind::unsupported, 400, "unsupported"},
    {failure_kind::format_unmet, 422, "format-unmet"},
    {failure_kind::model_not_found, 404, "model-not-found"},
    {failure_kind::queue_full, 503, "queue-full"},
    {failure_kind::unavailable, 503, "unavailable"},
    {failure_kind::timed_out, 504, "timed-out"},
    {failure_kind::runtime_failed, 500, "runtime-failed"},
    {failure_kind::shutting_down, 503, "shutting-down"},
    {failure_kind::cancelled, 499, "cancelled"},
    {failure_kind::internal, 500, "internal"},
}};

const failure_row& row_of(failure_kind kind) noexcept {
    for (const failure_row& row : rows) {
        if (row.kind == kind) {
            return row;
        }
    }
    return rows.back();
}

}  // namespace

unsigned status_of(chat::failure_kind kind) noexcept {
    return row_of(kind).status;
}

bool tells_why(chat::failure_kind kind) noexcept {
    return kind == failure_kind::unavailable || kind == failure_kind::runtime_failed ||
           kind == failure_kind::timed_out;
}

std::string failure_text(const chat::failed_event& why, std::string_view typed) {
    switch (why.kind) {
        case chat::failure_kind::queue_full:
            return "server busy, please try again.  maximum pending requests exceeded";
        case chat::failure_kind::model_not_found:
            return not_found_text(typed);
        case chat::failure_kind::cancelled:
            return "request canceled";
        default:
            return why.message.empty() ? name_of(why.kind) : why.message;
    }
}

const char* name_of(chat::failure_kind kind) noexcept {
    return row_of(kind).name;
}

}  // namespace corral::api

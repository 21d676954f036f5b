#include "api/failure_status.hpp"

#include "corral/core/say.hpp"

namespace corral::api {

// docs/facts/ollama_wire.md#errors, #keep-alive; what Ollama has no case for takes the nearest HTTP status.
unsigned status_of(chat::failure_kind kind) noexcept {
    switch (kind) {
        case chat::failure_kind::bad_request:
        case chat::failure_kind::context_too_long:
        case chat::failure_kind::unsupported:
            return 400;
        case chat::failure_kind::model_not_found:
            return 404;
        case chat::failure_kind::format_unmet:
            return 422;
        case chat::failure_kind::cancelled:
            return 499;
        case chat::failure_kind::queue_full:
        case chat::failure_kind::unavailable:
        case chat::failure_kind::shutting_down:
            return 503;
        case chat::failure_kind::timed_out:
            return 504;
        case chat::failure_kind::runtime_failed:
        case chat::failure_kind::internal:
            break;
    }
    return 500;
}

core::reason not_found_text(std::string_view shown) {
    return core::say("request.no-model/name", shown);
}

std::string failure_text(const chat::failure& why, std::string_view typed) {
    switch (why.kind) {
        case chat::failure_kind::queue_full:
            return "server busy, please try again.  maximum pending requests exceeded";
        case chat::failure_kind::model_not_found:
            return not_found_text(typed);
        case chat::failure_kind::cancelled:
            return "request canceled";
        default:
            return why.message.empty() ? std::string(name_of(why.kind)) : why.message.text();
    }
}

}  // namespace corral::api

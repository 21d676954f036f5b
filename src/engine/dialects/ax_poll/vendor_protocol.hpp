#pragma once
// Bytes of the five routes as values (docs/facts/vendor_ax.md#routes). No I/O.

#include <string>
#include <string_view>

#include "corral/core/result.hpp"
#include "corral/http/client.hpp"
#include "engine/sticky_sampling_policy.hpp"

namespace corral::engine::ax_poll {

// What the runtime puts into the answer when the context is full, "%d" and all
// (docs/facts/vendor_ax.md#context).
inline constexpr std::string_view context_full_text =
    "error: SetKVCache failed: %d,the context may be full,please reset";

struct poll_answer {
    bool done = false;
    std::string text;
};

enum class control_verdict {
    accepted,
    busy,     // 400 {"error": "llm is running"}
    refused,  // anything else
};

struct control_reply {
    control_verdict verdict = control_verdict::refused;
    unsigned status = 0;
};

[[nodiscard]] std::string reset_body(std::string_view system);
[[nodiscard]] std::string generate_body(std::string_view prompt, const wire_sampling& sampling);
[[nodiscard]] control_reply control_answer(const http::client_reply& reply);
// Fails with errc::protocol on anything but a whole 200 of that form: its text is then lost.
[[nodiscard]] core::result<poll_answer> parse_poll(const http::client_reply& reply);

}  // namespace corral::engine::ax_poll

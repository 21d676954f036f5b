#pragma once
// What a tokenizer service with identities (docs/facts/vendor_ax.md#tokenizer-calls) makes of a prompt: its tokens one by
// one, and what that takes.

#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "corral/chat/render.hpp"
#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"

namespace corral::engine {

struct token_listing {
    std::vector<std::int64_t> ids;
    // As many: what each adds to the text. Empty where a character is not over; the text comes with its last token.
    std::vector<std::string> pieces;
    core::nanoseconds encoding{0};  // of the whole prompt
    core::nanoseconds decoding{0};  // of all tokens, a call each
};

// The ids are those that the runtime would read. Leaves two identities behind, which such a service never frees, and
// takes a call for each token: for a service that is nobody else's. Failures are verbatim_encoder's.
[[nodiscard]] core::awaitable<core::result<token_listing>> list_tokens(core::executor on,
                                                                       boost::asio::ip::tcp::endpoint service,
                                                                       const chat::family& format,
                                                                       chat::rendered_prompt prompt,
                                                                       core::deadline until);

}  // namespace corral::engine

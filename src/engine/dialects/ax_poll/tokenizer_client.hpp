#pragma once
// Calls of the tokenizer service with conversations by uid (docs/facts/vendor_ax.md#tokenizer-calls).

#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/tokenizer_reply.hpp"

namespace corral::engine::ax_poll {

// `target` must outlive the awaiting of the call.
class tokenizer_client {
public:
    explicit tokenizer_client(boost::asio::ip::tcp::endpoint to) : to_(to) {}
    [[nodiscard]] const boost::asio::ip::tcp::endpoint& endpoint() const noexcept { return to_; }

    [[nodiscard]] core::awaitable<tokenizer_answer> get(std::string_view target, tokenizer_field wanted,
                                                        core::deadline until) const;
    [[nodiscard]] core::awaitable<tokenizer_answer> post(std::string_view target, nlohmann::json body,
                                                         tokenizer_field wanted, core::deadline until) const;

private:
    boost::asio::ip::tcp::endpoint to_;
};

}  // namespace corral::engine::ax_poll

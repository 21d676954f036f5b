#pragma once
// The calls of the runtime, each on a connection of its own (docs/facts/vendor_ax.md#routes).

#include <functional>
#include <string>
#include <utility>

#include <boost/asio/ip/tcp.hpp>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "engine/dialects/ax_poll/cycle_clocks.hpp"
#include "engine/dialects/ax_poll/vendor_protocol.hpp"
#include "engine/sticky_sampling_policy.hpp"

namespace corral::engine::ax_poll {

class runtime_link {
public:
    // All borrowed. `to` may change between two processes of the runtime. `gone`: as http::stream_call has it.
    runtime_link(const boost::asio::ip::tcp::endpoint* to, cycle_clocks* clocks,
                 const core::clock_source& clock, std::function<bool()> gone)
        : to_(to), clocks_(clocks), clock_(clock), gone_(std::move(gone)) {}

    [[nodiscard]] core::awaitable<core::result<control_reply>> reset(std::string system) const;
    [[nodiscard]] core::awaitable<core::result<control_reply>> generate(std::string prompt,
                                                                        wire_sampling sampling) const;
    [[nodiscard]] core::awaitable<core::result<control_reply>> stop() const;
    // Takes the text away from the runtime: what is not in the answer is lost.
    [[nodiscard]] core::awaitable<core::result<poll_answer>> poll() const;

private:
    [[nodiscard]] core::awaitable<core::result<http::client_reply>> call(const char* method,
                                                                         const char* target,
                                                                         std::string body) const;
    [[nodiscard]] core::awaitable<core::result<control_reply>> control(const char* method, const char* target,
                                                                       std::string body) const;

    // Ends when a call sent at `sent` has lasted longer than the call clock allows.
    [[nodiscard]] core::awaitable<void> until_overdue(core::steady_time sent) const;

    const boost::asio::ip::tcp::endpoint* to_;
    cycle_clocks* clocks_;
    const core::clock_source& clock_;
    std::function<bool()> gone_;
};

}  // namespace corral::engine::ax_poll

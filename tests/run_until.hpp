#pragma once
// Runs a loop until something is so.

#include <chrono>

#include <boost/asio/io_context.hpp>

namespace corral {

// False when it was not so within `limit`.
template <typename Condition>
bool run_until(boost::asio::io_context& loop, Condition condition,
               std::chrono::nanoseconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        loop.restart();
        loop.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
}

}  // namespace corral

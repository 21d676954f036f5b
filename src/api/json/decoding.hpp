#pragma once
// Where the body of a request is read: a large one on a thread of its own, so that the loop goes on.

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "api/json/json_fields.hpp"
#include "corral/core/worker.hpp"

namespace corral::api {

// What `read` makes of the body of `incoming`; without a thread the loop does it. It touches nothing but that and `problem`. REQUIRES: both outlive the
// coroutine.
template <typename Read>
[[nodiscard]] core::awaitable<std::invoke_result_t<Read>> decoded(core::worker* elsewhere,
                                                                  const http::request& incoming,
                                                                  decode_problem& problem, Read read) {
    constexpr std::size_t small = 16 * 1024;  // of the most costly content less than a millisecond
    problem.memory = incoming.memory;
    const bool packed = !incoming.headers.find("Content-Encoding").empty();
    const bool slow = packed || incoming.body.size() > small;
    std::optional<std::invoke_result_t<Read>> made;
    std::function<void()> work = [&read, &made] { made.emplace(read()); };
    auto reading = core::run_on(slow ? elsewhere : nullptr, std::move(work), incoming.client);
    co_await std::move(reading);
    co_return std::move(*made);
}

}  // namespace corral::api

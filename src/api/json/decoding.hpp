#pragma once
// Where the body of a request is read: a large one on a thread of its own, so that the loop goes on.

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "api/json/json_fields.hpp"
#include "corral/api/decoder.hpp"

namespace corral::api {

// What `read` makes of the body of `incoming`. It touches nothing but that and `problem`. REQUIRES: both outlive the
// coroutine.
template <typename Read>
[[nodiscard]] core::awaitable<std::invoke_result_t<Read>> decoded(decoder* elsewhere,
                                                                  const http::request& incoming,
                                                                  decode_problem& problem, Read read) {
    constexpr std::size_t small = 16 * 1024;  // of the most costly content less than a millisecond
    problem.memory = incoming.memory;
    if (elsewhere == nullptr || incoming.body.size() <= small) {
        co_return read();
    }
    std::optional<std::invoke_result_t<Read>> made;
    std::function<void()> work = [&read, &made] { made.emplace(read()); };
    co_await elsewhere->run(std::move(work));
    co_return std::move(*made);
}

}  // namespace corral::api

#pragma once
// Where the body of a request is read: a large one on a thread of its own, so that the loop goes on.

#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/json/json_fields.hpp"
#include "corral/api/wire_format.hpp"
#include "corral/core/disk_work.hpp"

namespace corral::api {

// The calling thread leaves the processors to the loop where both want one.
inline void step_back() {
    constexpr int behind = 5;
    thread_local const int done =
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), behind);
    static_cast<void>(done);  // without it all is right, only less smooth
}

// What `read` makes of the body of `incoming`. It touches nothing but that and `problem`. REQUIRES: both outlive the
// coroutine.
template <typename Read>
[[nodiscard]] core::awaitable<std::invoke_result_t<Read>> decoded(core::disk_work* elsewhere,
                                                                  const http::request& incoming,
                                                                  decode_problem& problem, Read read) {
    constexpr std::size_t small = 16 * 1024;  // of the most costly content less than a millisecond
    using result = std::invoke_result_t<Read>;
    struct outcome {
        std::optional<result> made;
        std::exception_ptr thrown;
    };
    problem.memory = incoming.memory;
    if (elsewhere == nullptr || incoming.body.size() <= small) {
        co_return read();
    }
    std::function<outcome()> work = [&read] {
        step_back();
        outcome out;
        try {
            out.made.emplace(read());
        } catch (...) {
            out.thrown = std::current_exception();
        }
        return out;
    };
    outcome done = co_await elsewhere->run(std::move(work));
    if (done.thrown) {
        std::rethrow_exception(done.thrown);
    }
    co_return std::move(*done.made);
}

}  // namespace corral::api

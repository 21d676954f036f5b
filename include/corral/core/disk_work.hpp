#pragma once
// Work that blocks on the disk, on threads of its own, so that the loop goes on. A dead mount holds what has the same
// lane, and nothing else.

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "corral/core/async.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::core {

class disk_work {
public:
    // Begins `what` on a detached thread; throws std::system_error where none is to be had.
    using thread_starter = std::function<void(std::function<void()> what)>;
    explicit disk_work(thread_starter starter = start_thread);
    disk_work(const disk_work&) = delete;
    disk_work& operator=(const disk_work&) = delete;
    // Waits a second for the work that goes on; what hangs then is left behind. REQUIRES: the loop outlives it.
    ~disk_work();

    // The result of `work`, which touches nothing that the loop touches, for nothing cuts it short. The work of one
    // `lane` is done one at a time, in order. Fails with `unavailable` when no thread can be started, with `timed_out`
    // at `until` (work that has not begun is not begun then), with `cancelled`, and with `internal` where `work`
    // threw.
    template <typename Result>
    [[nodiscard]] awaitable<result<Result>> run(std::string lane, std::function<Result()> work,
                                                deadline until = {});

    // Why the system makes no threads for now, which count as processes do against its limits; empty: it makes a few.
    [[nodiscard]] std::string refusal_of_threads();

    // Some work goes on, maybe on a disk that does not answer.
    [[nodiscard]] bool busy() const;

    static void start_thread(std::function<void()> what);

private:
    struct shared;  // with the threads
    struct order {
        explicit order(const executor& on) : over(on) {}
        bool done = false;
        wake_signal over;
    };
    // True once `work` is done; else why it is not.
    [[nodiscard]] awaitable<result<void>> wait_for(std::string lane, std::function<void()> work,
                                                   deadline until);

    thread_starter starter_;
    std::shared_ptr<shared> shared_;
};

template <typename Result>
awaitable<result<Result>> disk_work::run(std::string lane, std::function<Result()> work, deadline until) {
    auto made = std::make_shared<std::optional<result<Result>>>();
    std::function<void()> guarded = [made, work = std::move(work)] {
        try {
            made->emplace(work());
        } catch (const std::exception& error) {
            made->emplace(make_failure(errc::internal, reason::unlisted(error.what())));
        }
    };
    auto waiting = wait_for(std::move(lane), std::move(guarded), until);
    const result<void> waited = co_await std::move(waiting);
    if (!waited) {
        co_return waited.error();
    }
    co_return std::move(**made);
}

}  // namespace corral::core

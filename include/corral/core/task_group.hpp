#pragma once
// Owner of spawned coroutines: nothing runs detached, and a shutdown can cancel all and wait for all.

#include <functional>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

#include "corral/core/async.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::core {

class task_group {
public:
    // `on_error` hears of every exception that escapes a task, with the task's name; it must not throw.
    using error_sink = std::function<void(const std::string& task, const std::string& what)>;

    task_group(executor on, error_sink on_error);
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    // REQUIRES: empty(), or the io_context will never run again.
    ~task_group();

    // Starts `task` on the group's executor (not inside this call). A cancelled task that ends by
    // operation_aborted is a normal end.
    void spawn(std::string name, awaitable<void> task);

    // Requests cancellation of all present tasks; later spawns are not affected.
    void cancel(asio::cancellation_type type = asio::cancellation_type::terminal);

    // True when all tasks ended before `until`.
    [[nodiscard]] awaitable<bool> wait_empty(deadline until = {});

    [[nodiscard]] std::size_t size() const noexcept { return tasks_->size(); }
    [[nodiscard]] bool empty() const noexcept { return tasks_->empty(); }
    [[nodiscard]] const executor& get_executor() const noexcept { return on_; }

private:
    struct entry {
        std::string name;
        asio::cancellation_signal cancel;
    };
    executor on_;
    error_sink on_error_;
    std::shared_ptr<std::list<entry>> tasks_ = std::make_shared<std::list<entry>>();
    wake_signal ended_;
};

}  // namespace corral::core

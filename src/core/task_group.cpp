#include "corral/core/task_group.hpp"

#include <exception>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace corral::core {

namespace {

// Empty for a normal end, a cancelled one included.
std::string describe(const std::exception_ptr& thrown) {
    if (!thrown) {
        return {};
    }
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
        return error.code() == asio::error::operation_aborted ? std::string{} : error.what();
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

}  // namespace

task_group::task_group(executor on, error_sink on_error)
    : on_(std::move(on)), on_error_(std::move(on_error)), ended_(on_) {}

task_group::~task_group() = default;

void task_group::spawn(std::string name, awaitable<void> task) {
    const auto place = tasks_->emplace(tasks_->end());
    place->name = std::move(name);
    asio::co_spawn(
        on_, std::move(task),
        asio::bind_cancellation_slot(place->cancel.slot(), [this, place](std::exception_ptr thrown) {
            const std::string what = describe(thrown);
            if (!what.empty()) {
                on_error_(place->name, what);
            }
            tasks_->erase(place);
            ended_.ring();
        }));
}

// On the loop: called elsewhere, Boost 1.81 would post each signal by its address, and a task that ends before that takes
// its signal along.
void task_group::cancel(asio::cancellation_type type) {
    if (tasks_->empty()) {
        return;
    }
    asio::dispatch(on_, [present = std::weak_ptr(tasks_), type] {
        const auto tasks = present.lock();
        if (!tasks) {
            return;  // the group was there until all had ended
        }
        // A handler may run at once and erase its entry, so the next one is found before.
        for (auto it = tasks->begin(); it != tasks->end();) {
            const auto current = it++;
            current->cancel.emit(type);
        }
    });
}

awaitable<bool> task_group::wait_empty(deadline until) {
    while (!tasks_->empty()) {
        const wake_reason reason = co_await ended_.wait(until);
        if (reason != wake_reason::rung) {
            break;
        }
    }
    co_return tasks_->empty();
}

}  // namespace corral::core

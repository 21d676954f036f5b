#include "cli/fleet_asking.hpp"

#include <exception>
#include <utility>

#include "cli/fleet_calls.hpp"

namespace corral::cli {

namespace {

// A failure of this machine, such as no descriptor left, is one of this question alone.
core::result<box_lists> asked(const boxes::box_entry& box, const list_call& what) {
    try {
        return lists_of(box, what);
    } catch (const std::exception& problem) {
        return core::make_failure(core::errc::unavailable,
                                  "it does not tell its models: " + std::string(problem.what()) +
                                      "; see that it runs, or give it 'models' in the list of boxes");
    }
}

}  // namespace

box_askers::~box_askers() {
    for (std::jthread& thread : threads_) {
        thread.request_stop();
    }
    threads_.clear();  // joins them
}

void box_askers::ask(const boxes::box_entry& box) {
    const std::scoped_lock lock(guard_);
    if (!under_way_.insert(box.name).second) {
        return;
    }
    waiting_.push_back(box);
    if (idle_ < waiting_.size() && threads_.size() < what_.at_once) {
        threads_.emplace_back([this](const std::stop_token& over) { work(over); });
    }
    changed_.notify_all();
}

std::vector<told_box> box_askers::take(core::milliseconds limit) {
    std::unique_lock lock(guard_);
    changed_.wait_for(lock, limit, [this] { return under_way_.empty(); });
    return std::exchange(told_, {});
}

void box_askers::work(const std::stop_token& over) {
    std::unique_lock lock(guard_);
    while (true) {
        ++idle_;
        const bool more = changed_.wait(lock, over, [this] { return !waiting_.empty(); });
        --idle_;
        if (!more || over.stop_requested()) {
            return;
        }
        const boxes::box_entry box = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        core::result<box_lists> lists = asked(box, what_);
        lock.lock();
        told_.push_back({box.name, place_of(box), std::move(lists)});
        under_way_.erase(box.name);
        changed_.notify_all();
    }
}

}  // namespace corral::cli

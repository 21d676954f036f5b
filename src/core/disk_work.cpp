#include "corral/core/disk_work.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include <boost/asio/post.hpp>

#include "corral/core/say.hpp"

namespace corral::core {

namespace {

constexpr std::chrono::seconds longest_end{1};
// A thread stays this long for more, because some lanes have work for each piece of an answer and a new thread costs more
// than most of it.
constexpr std::chrono::seconds idle_thread{1};
// A shell, its program, and what that begins with.
constexpr int few_threads = 4;

// Signals are for the loop's thread, and a thread takes over the mask of the one that starts it.
class without_signals {
public:
    without_signals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    without_signals(const without_signals&) = delete;
    without_signals& operator=(const without_signals&) = delete;
    ~without_signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace

void disk_work::start_thread(std::function<void()> what) {
    const without_signals while_it_starts;
    std::thread(std::move(what)).detach();
}

// A lane is there while it has a thread. Threads hold no order: it lives on the loop.
struct disk_work::shared {
    struct task {
        std::function<void()> work;
        std::weak_ptr<order> asked;
        executor home;
    };

    struct lane_state {
        std::deque<task> waiting;
        bool works = false;
    };

    // On its thread, until nothing has come for the lane for a while.
    static void work_through(const std::shared_ptr<shared>& self, const std::string& lane) {
        while (std::optional<task> next = self->take(lane)) {
            next->work();
            const std::lock_guard lock(self->mutex);
            if (!self->closed) {
                asio::post(next->home, [asked = next->asked] {
                    if (const auto here = asked.lock()) {
                        here->done = true;
                        here->over.ring();
                    }
                });
            }
        }
    }

    // What has no waiter any more is not begun.
    std::optional<task> take(const std::string& lane) {
        std::unique_lock lock(mutex);
        lane_state& mine = lanes[lane];
        std::deque<task>& waiting = mine.waiting;
        mine.works = false;
        const auto has_work = [this, &waiting] {
            while (!waiting.empty() && waiting.front().asked.expired()) {
                waiting.pop_front();
            }
            return closed || !waiting.empty();
        };
        if (!has_work()) {
            more.wait_for(lock, idle_thread, has_work);
        }
        if (waiting.empty()) {
            lanes.erase(lane);
            idle.notify_all();
            return std::nullopt;
        }
        task next = std::move(waiting.front());
        waiting.pop_front();
        mine.works = true;
        return next;
    }

    std::mutex mutex;
    std::condition_variable idle;
    std::condition_variable more;
    std::map<std::string, lane_state> lanes;  // a thread has a reference to its own
    bool closed = false;
};

disk_work::disk_work(thread_starter starter)
    : starter_(std::move(starter)), shared_(std::make_shared<shared>()) {}

disk_work::~disk_work() {
    std::unique_lock lock(shared_->mutex);
    shared_->closed = true;
    for (auto& [lane, state] : shared_->lanes) {
        state.waiting.clear();
    }
    shared_->more.notify_all();
    shared_->idle.wait_for(lock, longest_end, [this] { return shared_->lanes.empty(); });
}

std::string disk_work::refusal_of_threads() {
    std::promise<void> all_tried;
    const std::shared_future<void> until = all_tried.get_future().share();
    std::string why;
    try {
        for (int begun = 0; begun < few_threads; ++begun) {
            starter_([until] { until.wait(); });
        }
    } catch (const std::system_error& error) {
        why = error.code().message();
    }
    all_tried.set_value();
    return why;
}

bool disk_work::busy() const {
    const std::lock_guard lock(shared_->mutex);
    return std::ranges::any_of(
        shared_->lanes, [](const auto& lane) { return lane.second.works || !lane.second.waiting.empty(); });
}

awaitable<result<void>> disk_work::wait_for(std::string lane, std::function<void()> work, deadline until) {
    const executor here = co_await asio::this_coro::executor;
    const auto mine = std::make_shared<order>(here);
    bool begins = false;
    {
        const std::lock_guard lock(shared_->mutex);
        const auto [place, added] = shared_->lanes.try_emplace(lane);
        // Behind work that hangs nothing piles up.
        std::deque<shared::task>& waiting = place->second.waiting;
        std::erase_if(waiting, [](const shared::task& each) { return each.asked.expired(); });
        waiting.push_back({std::move(work), mine, here});
        begins = added;
    }
    if (!begins) {
        shared_->more.notify_all();
    } else {
        try {
            starter_([all = shared_, lane] { shared::work_through(all, lane); });
        } catch (const std::system_error& error) {
            const std::lock_guard lock(shared_->mutex);
            shared_->lanes.erase(lane);
            co_return make_failure(errc::unavailable,
                                   core::say("files.disk/thread-started", error.code().message()));
        }
    }
    while (!mine->done) {
        const wake_reason woken = co_await mine->over.wait(until);
        if (woken == wake_reason::cancelled) {
            co_return make_failure(errc::cancelled, core::say("files.disk/nobody-waits"));
        }
        if (woken == wake_reason::timed_out && !mine->done) {
            co_return make_failure(errc::timed_out, core::say("files.disk/disk-answer"));
        }
    }
    co_return result<void>{};
}

}  // namespace corral::core

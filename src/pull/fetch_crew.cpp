#include "pull/fetch_crew.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "corral/core/say.hpp"
#include "pull/source_list.hpp"

namespace corral::pull {

crew::crew(const pull_request& request, const fetch_place& place, rate_limiter& limiter, work_place& work,
           const listed_plan& plan, const std::filesystem::path& target)
    : asked_(&request), place_(place), limiter_(&limiter), plan_(&plan) {
    place_.stop = &stop_;
    with_ = {&place_, &work, target, &completed_, &fetches_};
    got_.resize(plan.plan.files.size());
}

core::result<std::vector<fetched_file>> crew::run(const std::function<void(std::uint64_t)>& tell,
                                                  const std::atomic<bool>& stop) {
    std::vector<std::jthread> threads;
    const std::size_t count = std::min<std::size_t>(asked_->settings.parallel, got_.size());
    running_ = count;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([this] { work(); });
    }
    constexpr core::milliseconds step{200};
    std::unique_lock lock(guard_);
    while (running_ > 0) {
        over_.wait_for(lock, step, [this] { return running_ == 0; });
        if (stop.load()) {
            stop_ = true;
        }
        lock.unlock();
        tell(completed_.load());
        lock.lock();
    }
    lock.unlock();
    threads.clear();
    if (stop.load()) {
        return stopped_failure();
    }
    if (trouble_) {
        return *trouble_;
    }
    return std::move(got_);
}

void crew::work() {
    try {
        fetch_all();
    } catch (const std::exception& error) {
        fail(core::make_failure(core::errc::internal, core::say("pull.disk/file-fetched", error.what())));
    }
    const std::lock_guard lock(guard_);
    --running_;
    over_.notify_all();
}

void crew::fetch_all() {
    std::optional<fetcher> by;
    if (place_.curl != nullptr) {
        by.emplace(place_, *limiter_);
    }
    const bool local = asked_->source.kind == source_kind::local;
    while (!stop_.load()) {
        const std::size_t index = next_++;
        if (index >= got_.size()) {
            return;
        }
        const source_file& file = plan_->plan.files[index];
        auto done = fetch_file(
            with_, by ? &*by : nullptr, file,
            file_address(asked_->source, asked_->settings.endpoint, plan_->commit, file.path), local);
        if (!done) {
            fail(done.error());
            return;
        }
        got_[index] = std::move(*done);
    }
}

void crew::fail(core::failure why) {
    const std::lock_guard lock(guard_);
    // What the others say once they were stopped is no reason.
    if (!trouble_ && !stop_.load()) {
        trouble_ = std::move(why);
    }
    stop_ = true;
}

}  // namespace corral::pull

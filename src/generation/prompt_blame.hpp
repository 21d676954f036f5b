#pragma once
// What one request's prompt did to the runtimes it ran on: by itself, and by what the quarantine knows of it.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "corral/generation/model_directory.hpp"
#include "corral/scheduler/scheduler.hpp"
#include "generation/prompt_quarantine.hpp"

namespace corral::generation {

class prompt_blame {
public:
    // `admission` and `clock` are borrowed.
    prompt_blame(std::shared_ptr<prompt_quarantine> all, const scheduler::scheduler& admission,
                 const core::clock_source& clock)
        : all_(std::move(all)), admission_(&admission), clock_(&clock) {}

    // Before all others. May be called on any thread: for a long prompt it takes milliseconds.
    void read(const chat::generation_request& request) { content_ = all_->content_of(request); }

    // The tier that serves it, until the next call: of all that follows.
    void look_at(const served_model& model, unsigned tier) {
        lane_ = model.deployment;
        tier_ = tier;
    }
    // What the prompt did to the runtimes there, whoever asked.
    [[nodiscard]] prompt_record harm() const {
        return all_->empty() ? prompt_record{}
                             : all_->find(mark(), stand(), clock_->now()).value_or(prompt_record{});
    }
    // Or in this request, on whatever tier.
    [[nodiscard]] prompt_record worst() const {
        prompt_record out = harm();
        const auto own = own_.find({}, stand(), clock_->now());
        return own && own->losses > out.losses ? *own : out;
    }

    void begin_run() { lost_ = engine::run_loss::how::none; }
    // What was lost to a prompt shows at the end of its run, or when the runtime does not come to rest after it; the
    // first one counts.
    void note(const engine::run_loss& loss) {
        if (lost_ != engine::run_loss::how::none || loss.what == engine::run_loss::how::none) {
            return;
        }
        lost_ = loss.what;
        own_.note({}, loss, stand(), clock_->now());
        all_->note(mark(), loss, stand(), clock_->now());
    }
    // It was answered.
    void pardon() {
        if (!all_->empty()) {
            all_->pardon(mark());
        }
    }
    // The runtime, in the last run.
    [[nodiscard]] bool hung() const noexcept { return lost_ == engine::run_loss::how::hung; }

private:
    [[nodiscard]] prompt_mark mark() const { return all_->mark_of(content_, lane_, tier_); }
    [[nodiscard]] std::uint64_t stand() const {
        std::uint64_t out = 0;
        for (const engine::backend* const each : admission_->runtimes_of(lane_)) {
            out += each->outside_faults();
        }
        return out;
    }

    std::shared_ptr<prompt_quarantine> all_;
    const scheduler::scheduler* admission_;
    const core::clock_source* clock_;
    prompt_mark content_ = 0;
    prompt_quarantine own_{{}};
    std::string lane_;
    unsigned tier_ = 0;
    engine::run_loss::how lost_ = engine::run_loss::how::none;  // to this run
};

}  // namespace corral::generation

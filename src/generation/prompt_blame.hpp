#pragma once
// What one request's prompt did to the runtimes it ran on: by itself, and by what the quarantine knows of it.

#include <algorithm>
#include <cstdint>
#include <memory>
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

    // What the prompt did to the runtimes of that tier, whoever asked.
    [[nodiscard]] prompt_record harm(const served_model& model, unsigned tier) const {
        return all_->empty()
                   ? prompt_record{}
                   : all_->find(mark(model, tier), stand(model), clock_->now()).value_or(prompt_record{});
    }
    // Or in this request, on whatever tier.
    [[nodiscard]] prompt_record worst(const served_model& model, unsigned tier) const {
        prompt_record out = harm(model, tier);
        const auto own = own_.find({}, stand(model), clock_->now());
        return own && own->losses > out.losses ? *own : out;
    }

    void begin_run() { noted_ = hung_ = false; }
    // What was lost to a prompt shows at the end of its run, or when the runtime does not come to rest after it; the
    // first one counts.
    void note(const served_model& model, unsigned tier, const engine::run_loss& loss) {
        if (noted_ || loss.what == engine::run_loss::how::none) {
            return;
        }
        noted_ = true;
        hung_ = loss.what == engine::run_loss::how::hung;
        own_.note({}, loss, stand(model), clock_->now());
        all_->note(mark(model, tier), loss, stand(model), clock_->now());
    }
    // It was answered.
    void pardon(const served_model& model, unsigned tier) {
        if (!all_->empty()) {
            all_->pardon(mark(model, tier));
        }
    }
    // The runtime, in the last run.
    [[nodiscard]] bool hung() const noexcept { return hung_; }

private:
    [[nodiscard]] prompt_mark mark(const served_model& model, unsigned tier) const {
        return all_->mark_of(content_, model.deployment, tier);
    }
    [[nodiscard]] std::uint64_t stand(const served_model& model) const {
        std::uint64_t out = 0;
        for (const engine::backend* const each : admission_->runtimes_of(model.deployment)) {
            out += each->outside_faults();
        }
        return out;
    }

    std::shared_ptr<prompt_quarantine> all_;
    const scheduler::scheduler* admission_;
    const core::clock_source* clock_;
    prompt_mark content_ = 0;
    prompt_quarantine own_{{}};
    bool noted_ = false;  // of this run
    bool hung_ = false;
};

}  // namespace corral::generation

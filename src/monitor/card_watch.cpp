#include "corral/monitor/card_watch.hpp"

#include <algorithm>
#include <utility>

#include "corral/catalog/placement.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/engine/device_tools.hpp"
#include "corral/supervisor/group.hpp"
#include "corral/telemetry/log.hpp"
#include "memory_reclaim_policy.hpp"

namespace corral::monitor {

namespace {

constexpr core::milliseconds first_looks{1'000};  // between two, a call of the tool costs 0.6 s
constexpr core::seconds later_looks{10};          // once it was said that the memory is missing
constexpr core::seconds longest_watch{3600};

std::string seconds_text(core::nanoseconds span) {
    return std::to_string(std::chrono::duration_cast<core::seconds>(span).count()) + " s";
}

// The way in which the model's own device is asked; nullptr: there is none.
std::shared_ptr<device::reader> tool_for(device::reader_set& tools, const catalog::model_entry& model,
                                         unsigned card) {
    return engine::can_be_asked(model.runtime.device)
               ? tools.find_or_make(engine::reader_options_of(model.runtime.device, card))
               : nullptr;
}

}  // namespace

// One set of processes. Its task may outlive the interest in it.
class card_watch::watched final : public supervisor::group_observer,
                                  public std::enable_shared_from_this<watched> {
public:
    watched(card_watch& box, engine::backend& backend) : runtime(&backend), box_(&box) {
        for (const supervisor::service_status& service : backend.services().status()) {
            note(service);
        }
        backend.services().add_observer(this);
    }

    void on_output(std::string_view, process::output_stream, std::string_view) override {}
    void on_status(const supervisor::service_status& now) override {
        if (box_ != nullptr) {
            note(now);
        }
    }

    // Null once the watch is not interested any more.
    [[nodiscard]] card_watch* box() const noexcept { return box_; }
    void leave() {
        runtime->services().remove_observer(this);
        if (pid_ != 0) {
            box_->card_memory_.on_gone(pid_);
        }
        box_ = nullptr;
    }
    // Another process has begun, or another has ended: what was asked about the end `number` is over.
    [[nodiscard]] bool is_past(std::uint64_t number) const noexcept { return number != ends_; }
    [[nodiscard]] pid_t ended() const noexcept { return ended_; }
    [[nodiscard]] const std::vector<held_share>& shares() const noexcept { return shares_; }

    engine::backend* const runtime;  // not after leave()
    std::string outcome;             // see after_unload()

private:
    [[nodiscard]] bool uses_device(const std::string& service) const {
        const auto& all = runtime->model().runtime.services;
        return std::any_of(all.begin(), all.end(),
                           [&](const auto& one) { return one.device && one.name == service; });
    }
    void note(const supervisor::service_status& now) {
        if (!uses_device(now.name)) {
            return;
        }
        if (now.pid != 0 && now.pid != pid_) {
            end_of_process();
            looks_due_ = false;
            pid_ = now.pid;
            ++ends_;
            outcome.clear();
            box_->card_memory_.on_started(pid_);
        } else if (now.pid == 0 && pid_ != 0) {
            end_of_process();
            looks_due_ = true;
        }
        // After a crash the gate of the next start has the word.
        if (now.state == supervisor::service_state::stopped && std::exchange(looks_due_, false)) {
            begin_look();
        }
    }
    void end_of_process() {
        if (pid_ != 0) {
            ended_ = std::exchange(pid_, 0);
            box_->card_memory_.on_gone(ended_);
        }
    }
    void begin_look() {
        const engine::device_claim claim = runtime->claim();
        shares_.clear();
        for (const unsigned card : claim.cards) {
            const auto tool = tool_for(box_->tools_, runtime->model(), card);
            const device::device_look* const last = tool ? tool->last() : nullptr;
            if (last != nullptr && last->problem == device::look_problem::none) {
                const std::uint64_t mb = claim.measured ? claim.memory_mb / claim.cards.size() : 0;
                shares_.push_back(share_of(last->report, card, ended_, mb));
            }
        }
        if (!shares_.empty()) {
            box_->tasks_.spawn("card of " + catalog::label_of(runtime->model()),
                               see(shared_from_this(), ++ends_));
        }
    }

    card_watch* box_;
    pid_t pid_ = 0;
    pid_t ended_ = 0;
    bool looks_due_ = false;
    std::uint64_t ends_ = 0;
    std::vector<held_share> shares_;
};

card_watch::~card_watch() {
    for (const auto& each : watched_) {
        each->leave();
    }
}

void card_watch::watch(engine::backend& runtime) {
    watched_.push_back(std::make_shared<watched>(*this, runtime));
}

void card_watch::forget(const engine::backend& runtime) {
    const auto found = std::find_if(watched_.begin(), watched_.end(),
                                    [&](const auto& each) { return each->runtime == &runtime; });
    if (found != watched_.end()) {
        (*found)->leave();
        watched_.erase(found);
    }
}

std::string card_watch::after_unload(const engine::backend& runtime) const {
    const auto found = std::find_if(watched_.begin(), watched_.end(),
                                    [&](const auto& each) { return each->runtime == &runtime; });
    return found == watched_.end() ? std::string() : (*found)->outcome;
}

namespace {

// Of all its cards: the worst of them counts.
struct whole_answer {
    memory_reclaim answer = memory_reclaim::all;
    std::uint64_t mb = 0;  // all: what came back; not_yet: what is missing
    std::string held_by;
    std::string figures;
};

void add(whole_answer& to, const memory_reclaim_decision& one, const held_share& share) {
    to.figures += (to.figures.empty() || one.figures.empty() ? "" : "; ") + one.figures;
    if (one.answer == memory_reclaim::unknown || to.answer == memory_reclaim::unknown) {
        to.answer = memory_reclaim::unknown;
    } else if (one.answer == memory_reclaim::not_yet) {
        to.mb = (to.answer == memory_reclaim::not_yet ? to.mb : 0) + one.missing_mb;
        to.answer = memory_reclaim::not_yet;
        to.held_by = one.held_by;
    } else if (to.answer == memory_reclaim::all) {
        to.mb += share.mb;
    }
}

}  // namespace

// Ends by itself: when the memory is back, when that can't be known, when the next process begins, or after an
// hour.
core::awaitable<void> card_watch::see(std::shared_ptr<watched> about, std::uint64_t end) {
    if (about->box() == nullptr) {
        co_return;
    }
    const std::string label = catalog::label_of(about->runtime->model());
    const core::nanoseconds patience = about->runtime->model().runtime.device.memory_wait;
    const std::vector<held_share> shares = about->shares();
    const pid_t pid = about->ended();
    const core::steady_time began = about->box()->clock_.now();
    std::vector<std::shared_ptr<device::reader>> tools;
    std::vector<std::uint64_t> changes;
    for (const held_share& share : shares) {
        tools.push_back(tool_for(about->box()->tools_, about->runtime->model(), share.card));
        changes.push_back(tools.back()->changes());
    }
    bool complained = false;
    bool awake = true;
    while (awake && about->box() != nullptr && !about->is_past(end)) {
        whole_answer found;
        for (std::size_t i = 0; i < shares.size(); ++i) {
            auto looking = tools[i]->look(began);
            const device::device_look look = co_await std::move(looking);
            if (about->box() == nullptr || about->is_past(end)) {
                co_return;
            }
            const bool quiet = tools[i]->changes() == changes[i];
            memory_reclaim_decision one;
            if (look.problem == device::look_problem::none) {
                one = judge_memory_reclaim(shares[i], pid, look.report, quiet);
            }
            add(found, one, shares[i]);
        }
        const core::nanoseconds passed = about->box()->clock_.now() - began;
        if (found.answer == memory_reclaim::unknown || passed > longest_watch) {
            co_return;
        }
        if (found.answer == memory_reclaim::all) {
            about->outcome = "gave back " + std::to_string(found.mb) + " MB (" + found.figures + ")";
            telemetry::log().info("model {}: {}", label, about->outcome);
            co_return;
        }
        if (!complained && passed >= patience) {
            complained = true;
            const core::reason late =
                found.held_by.empty()
                    ? core::say("device.memory-late/late", found.mb, seconds_text(passed), found.figures)
                    : core::say("device.memory-late/held", found.mb, seconds_text(passed), found.figures,
                                found.held_by);
            about->outcome = late.text();
            telemetry::warn(late, "model {}: {}", label, late);
        }
        core::nanoseconds pause = first_looks;
        if (complained) {
            pause = later_looks;
        }
        awake = co_await core::sleep_for(pause);
    }
}

}  // namespace corral::monitor

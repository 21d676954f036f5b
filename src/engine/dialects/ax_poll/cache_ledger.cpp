#include "engine/dialects/ax_poll/cache_ledger.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/dialects/ax_poll/context_policy.hpp"

namespace corral::engine::ax_poll {

namespace {

constexpr std::size_t whole_piece =
    3;  // ids; a shorter one is the last, put out because the end token was met

// The start-up log tells it (docs/facts/vendor_ax.md#limits).
std::size_t most_behind(std::size_t held, const catalog::context_sizes& sizes) {
    if (held >= sizes.prompt_limit) {
        return 0;
    }
    return (sizes.prompt_limit - held) / sizes.chunk * sizes.chunk;
}

}  // namespace

bool begins_with(const token_ids& ids, const token_ids& beginning) {
    return ids.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), ids.begin());
}

const char* to_string(reset_reason why) noexcept {
    static constexpr std::array<const char*, reset_reasons> names{"off",     "unknown", "owner",
                                                                  "differs", "same",    "room"};
    return names.at(static_cast<std::size_t>(why));
}

cache_plan cache_ledger::plan(const token_ids& ids, const catalog::context_sizes& sizes,
                              std::string_view owner, bool anyone) const {
    if (ids.empty() || !ax_poll::known(sizes) || ids.size() > most_fresh_tokens(sizes)) {
        return {cache_plan::way::refuse, reset_reason::unknown, 0};  // never checked behind an empty reset
    }
    const auto reset = [](reset_reason why) { return cache_plan{cache_plan::way::reset, why, 0}; };
    if (!held_ || held_->empty()) {
        return reset(reset_reason::unknown);
    }
    if (!may_use(owner, anyone)) {
        return reset(reset_reason::owner);
    }
    if (!begins_with(ids, *held_)) {
        return reset(reset_reason::differs);
    }
    if (ids.size() == held_->size()) {
        return reset(reset_reason::same);
    }
    if (ids.size() - held_->size() > most_behind(held_->size(), sizes)) {
        return reset(reset_reason::room);
    }
    return {cache_plan::way::go_on, reset_reason::unknown, held_->size()};
}

bool cache_ledger::holds_beginning_of(const token_ids& beginning, const catalog::context_sizes& sizes,
                                      std::string_view owner, bool anyone) const {
    return held_ && !held_->empty() && may_use(owner, anyone) && begins_with(beginning, *held_) &&
           ax_poll::known(sizes) && beginning.size() < most_fresh_tokens(sizes) &&
           most_behind(held_->size(), sizes) > 0;
}

void cache_ledger::forget() {
    held_.reset();
    sent_.reset();
    warm_ = false;
}

void cache_ledger::on_reset(std::string owner, token_ids ids) {
    const bool ahead = !ids.empty();
    hold(std::move(ids));
    ahead_ = ahead;
    warm_ = false;
    owner_ = std::move(owner);
}

void cache_ledger::on_sent(token_ids ids, std::size_t held) {
    sent_ = sent_prompt{std::move(ids), held};
    held_.reset();
}

void cache_ledger::hold(token_ids ids) {
    sent_.reset();
    held_ = std::move(ids);
    ahead_ = false;
}

// The rows of the table, in its order.
void cache_ledger::conclude(const finished_run& run, const catalog::context_sizes& sizes) {
    if (!sent_) {
        return;
    }
    sent_prompt sent = std::move(*sent_);
    const bool rolled_back = run.stops > 0 && run.before_piece && run.calls == 1 && run.answer.size() == 1 &&
                             sent.held > 0 && warm_;
    const bool was_warm = warm_;
    forget();
    if (!run.as_planned || (!run.whole && !rolled_back) || run.answer.empty()) {
        return;
    }
    if (rolled_back) {
        sent.ids.resize(sent.held);
        hold(std::move(sent.ids));
        warm_ = was_warm;
        return;
    }
    const bool by_hold = run.stops == 1 && run.held_piece > 0 && !run.piece_after;
    if (run.stops > 0 && !by_hold) {
        return;
    }
    token_ids all = std::move(sent.ids);
    all.insert(all.end(), run.answer.begin(), run.answer.end());
    if (by_hold && run.held_piece == whole_piece) {
        all.pop_back();  // it was sampled, and not read
    }
    if (all.size() + 1 > sizes.positions) {
        return;
    }
    hold(std::move(all));
    warm_ = true;
}

}  // namespace corral::engine::ax_poll

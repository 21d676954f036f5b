#include "scheduler/placement_policy.hpp"

#include <algorithm>
#include <tuple>

namespace corral::scheduler {

std::uint64_t share_of(const instance_view& view) noexcept {
    const std::uint64_t cards = view.cards.size();
    return cards == 0 ? 0 : view.need_mb / cards + (view.need_mb % cards == 0 ? 0 : 1);
}

moment slice_counts_from(const model_view& model, const model_view& wants) noexcept {
    return wants.people && !model.people ? moment{} : wants.wants.value_or(moment{});
}

card_ledger::card_ledger(const box_view& box, bool leaving) : most_(box.max_loaded) {
    for (const instance_view& each : box.instances) {
        for (const unsigned card : each.cards) {
            if (!pages_.contains(card) && box.usable_mb) {
                pages_[card].room = box.usable_mb(card);
            }
        }
        if (each.is != presence::absent && (leaving || each.is != presence::leaving)) {
            take(each);
        }
    }
}

void card_ledger::enter(const instance_view& view, bool takes) {
    if (view.counts) {
        sets_ = takes ? sets_ + 1 : sets_ - 1;
        if (view.is == presence::broken) {
            std::size_t& broken = broken_[view.model];
            broken = takes ? broken + 1 : broken - 1;
        }
    }
    if (view.port != 0) {
        std::size_t& holders = ports_[view.port];
        holders = takes ? holders + 1 : holders - 1;
    }
    for (const unsigned card : view.cards) {
        page& on = pages_[card];
        const std::uint64_t share = share_of(view);
        on.used = takes ? on.used + share : on.used - share;
        on.sets = takes ? on.sets + 1 : on.sets - 1;
        if (share == 0) {
            on.unknown = takes ? on.unknown + 1 : on.unknown - 1;
        }
    }
}

bool card_ledger::full(const instance_view& view) const {
    const auto own = broken_.find(view.model);
    return view.counts && most_ > 0 && sets_ >= most_ + (own == broken_.end() ? 0 : own->second);
}

bool card_ledger::short_on(const instance_view& view, unsigned card) const {
    const auto found = pages_.find(card);
    if (found == pages_.end() || !found->second.room) {
        return false;
    }
    const page& on = found->second;
    const std::uint64_t share = share_of(view);
    if (share == 0) {
        return on.sets > 0;
    }
    return on.unknown > 0 || on.used + share > *on.room;
}

bool card_ledger::port_is_taken(const instance_view& view) const {
    const auto found = ports_.find(view.port);
    return view.port != 0 && found != ports_.end() && found->second > 0;
}

bool card_ledger::fits(const instance_view& view) const {
    return !full(view) && !port_is_taken(view) &&
           std::none_of(view.cards.begin(), view.cards.end(),
                        [&](unsigned card) { return short_on(view, card); });
}

std::size_t card_ledger::sets_beside(const instance_view& view) const {
    std::size_t most = 0;
    for (const unsigned card : view.cards) {
        const auto found = pages_.find(card);
        most = std::max(most, found == pages_.end() ? 0 : found->second.sets);
    }
    return most;
}

bool instance_choice::is_protected() const noexcept {
    return std::any_of(victims.begin(), victims.end(),
                       [](const victim& one) { return one.how == evictability::protected_; });
}

namespace {

// Looks for those who must go so that one instance fits.
class eviction {
public:
    eviction(const box_view& box, card_ledger ledger, const std::vector<std::size_t>& given,
             const instance_view& wanted, core::steady_time now)
        : box_(box), ledger_(std::move(ledger)), given_(given), wanted_(wanted), now_(now) {}

    // Nothing: it can't be made to fit.
    [[nodiscard]] std::optional<std::vector<victim>> find() {
        while (!ledger_.fits(wanted_)) {
            const std::optional<victim> next = most_evictable();
            if (!next) {
                return std::nullopt;
            }
            ledger_.give(box_.instances[next->instance]);
            found_.push_back(*next);
        }
        keep_needless();
        return std::move(found_);
    }

private:
    [[nodiscard]] bool is_victim(std::size_t instance) const {
        return std::find(given_.begin(), given_.end(), instance) != given_.end() ||
               std::any_of(found_.begin(), found_.end(),
                           [instance](const victim& v) { return v.instance == instance; });
    }
    [[nodiscard]] bool same_deployment(const instance_view& view) const {
        const std::optional<std::size_t>& own = box_.models[wanted_.model].deployment;
        return own && box_.models[view.model].deployment == own;
    }
    [[nodiscard]] bool helps(const instance_view& view) const {
        return (ledger_.full(wanted_) && view.counts) ||
               (view.port == wanted_.port && ledger_.port_is_taken(wanted_)) ||
               std::any_of(view.cards.begin(), view.cards.end(), [&](unsigned card) {
                   const auto& cards = wanted_.cards;
                   return std::find(cards.begin(), cards.end(), card) != cards.end() &&
                          ledger_.short_on(wanted_, card);
               });
    }
    [[nodiscard]] bool is_extra(std::size_t instance) const {
        for (std::size_t i = 0; i < box_.instances.size(); ++i) {
            const instance_view& other = box_.instances[i];
            if (i != instance && other.model == box_.instances[instance].model && works(other) &&
                !is_victim(i)) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] evictability grade(std::size_t instance) const {
        const instance_view& of = box_.instances[instance];
        const model_view& model = box_.models[of.model];
        if (is_extra(instance)) {
            return of.in_use ? evictability::busy_extra : evictability::idle_extra;
        }
        if (!model.needed) {
            return of.in_use ? evictability::ends : evictability::idle;
        }
        const model_view& other = box_.models[wanted_.model];
        const bool over = of.first_load ? now_ - of.load_began >= box_.rule.longest_load
                                        : model.slice->expired(slice_counts_from(model, other),
                                                               other.patience, box_.rule, now_);
        return over ? evictability::ends : evictability::protected_;
    }
    // Those who will be gone anyway first, then the shortest rest of life, then the least recently used.
    [[nodiscard]] std::optional<victim> most_evictable() const {
        std::optional<victim> best;
        std::tuple<evictability, bool, bool, core::steady_time, std::uint64_t> least;
        for (std::size_t i = 0; i < box_.instances.size(); ++i) {
            const instance_view& one = box_.instances[i];
            const bool there = works(one) || one.is == presence::broken;
            const bool other = one.model != wanted_.model && !same_deployment(one);
            const bool may_go = there && other && !box_.models[one.model].pinned;
            if (!may_go || is_victim(i) || !helps(one)) {
                continue;
            }
            const evictability how = grade(i);
            const std::tuple rank{how, one.in_use, !one.draining, one.expires, one.last_used};
            if (!best || rank < least) {
                best = victim{i, how};
                least = rank;
            }
        }
        return best;
    }
    // What was found first may not be needed beside what was found later.
    void keep_needless() {
        for (std::size_t i = found_.size(); i-- > 0;) {
            const instance_view& one = box_.instances[found_[i].instance];
            ledger_.take(one);
            if (ledger_.fits(wanted_)) {
                found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(i));
            } else {
                ledger_.give(one);
            }
        }
    }

    const box_view& box_;
    card_ledger ledger_;
    const std::vector<std::size_t>& given_;
    const instance_view& wanted_;
    core::steady_time now_;
    std::vector<victim> found_;
};

bool may_start(const instance_view& view, std::size_t model) {
    return view.model == model && view.is == presence::absent && view.admitted;
}

}  // namespace

std::optional<instance_choice> choose_instance(const box_view& box, const card_ledger& ledger,
                                               const std::vector<std::size_t>& given, std::size_t model,
                                               core::steady_time now) {
    std::optional<instance_choice> best;
    std::tuple<int, std::size_t, std::size_t> least;
    for (std::size_t i = 0; i < box.instances.size(); ++i) {
        const instance_view& one = box.instances[i];
        if (!may_start(one, model)) {
            continue;
        }
        eviction search(box, ledger, given, one, now);
        std::optional<std::vector<victim>> victims = search.find();
        if (!victims) {
            continue;
        }
        int worst = -1;
        for (const victim& each : *victims) {
            worst = std::max(worst, static_cast<int>(each.how));
        }
        const std::tuple rank{worst, victims->size(), ledger.sets_beside(one)};
        if (!best || rank < least) {
            best = instance_choice{i, std::move(*victims)};
            least = rank;
        }
    }
    return best;
}

std::optional<std::size_t> choose_free_instance(const box_view& box, const card_ledger& present,
                                                const card_ledger& later, std::size_t model) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < box.instances.size(); ++i) {
        const instance_view& one = box.instances[i];
        const bool fits = may_start(one, model) && present.fits(one) && later.fits(one);
        if (fits && (!best || later.sets_beside(one) < later.sets_beside(box.instances[*best]))) {
            best = i;
        }
    }
    return best;
}

}  // namespace corral::scheduler

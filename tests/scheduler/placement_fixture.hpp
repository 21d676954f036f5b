#pragma once
// Pictures of a box written down in a few words, for tests of who is loaded where.

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "scheduler/arrangement_policy.hpp"

namespace corral::test {

class placement_fixture : public testing::Test {
protected:
    using presence = scheduler::presence;

    placement_fixture() {
        box_.usable_mb = [this](unsigned card) -> std::optional<std::uint64_t> {
            const auto found = rooms_.find(card);
            return found == rooms_.end() ? std::nullopt : std::optional(found->second);
        };
    }
    std::size_t model(const std::string& name) {
        turns_.emplace_back();
        scheduler::model_view added;
        added.name = name;
        added.patience = core::seconds{10};
        added.slice = &turns_.back();
        box_.models.push_back(added);
        return box_.models.size() - 1;
    }
    scheduler::model_view& of(std::size_t which) { return box_.models[which]; }
    // A time slice that began when the clock stood at `second`.
    void turn_since(std::size_t which, long second) {
        turns_[which].began({++order_, core::steady_time{core::seconds{second}}});
    }
    void grant(std::size_t which) { turns_[which].granted({++order_, now_}); }
    void wants(std::size_t which) { of(which).wants = scheduler::moment{++order_, now_}; }
    scheduler::instance_view& instance(std::size_t of_model, std::vector<unsigned> cards, std::uint64_t need,
                                       presence is = presence::absent) {
        scheduler::instance_view added;
        added.model = of_model;
        added.cards = std::move(cards);
        added.need_mb = need;
        added.is = is;
        box_.instances.push_back(added);
        return box_.instances.back();
    }

    // "start b@0; evict a@0 for b; drain c@1; blocked d; never e": instances by model and first card.
    std::string arranged() {
        last_ = scheduler::arrange(box_, now_);
        std::string out;
        const auto add = [&out](const std::string& what) { out += (out.empty() ? "" : "; ") + what; };
        for (const std::size_t each : last_.start) {
            add("start " + name_of(each));
        }
        for (const auto& each : last_.evict) {
            add("evict " + name_of(each.instance) + " for " + box_.models[each.by].name);
        }
        for (const std::size_t each : last_.surplus) {
            add("surplus " + name_of(each));
        }
        for (const std::size_t each : last_.drain) {
            add("drain " + name_of(each));
        }
        for (const auto& each : last_.yield) {
            add("yield " + name_of(each.instance) + " to " + box_.models[each.by].name);
        }
        for (const auto& each : last_.blocked) {
            add("blocked " + box_.models[each.model].name);
        }
        for (const auto& each : last_.hopeless) {
            add("never " + box_.models[each.first].name);
        }
        for (const std::size_t each : last_.preload_rejected) {
            add("preload rejected " + box_.models[each].name);
        }
        return out;
    }
    std::string why() const {
        return last_.blocked.empty() ? std::string() : last_.blocked.front().why.text();
    }

    scheduler::box_view box_;
    std::map<unsigned, std::uint64_t> rooms_{{0, 1000}, {1, 1000}};
    std::deque<scheduler::time_slice> turns_;
    scheduler::arrangement last_;
    std::uint64_t order_ = 0;
    core::steady_time now_{core::seconds{100}};

private:
    std::string name_of(std::size_t instance) const {
        const scheduler::instance_view& one = box_.instances[instance];
        return box_.models[one.model].name +
               (one.cards.empty() ? "" : "@" + std::to_string(one.cards.front()));
    }
};

}  // namespace corral::test

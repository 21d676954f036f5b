#pragma once
// Where a model may be loaded, and what must go for it: cards, what each process set takes of them, who may
// be asked to make room. Pure: it sees a picture of the box and answers.
//
// A process set takes memory_mb / cards of each of its cards. One whose need is not known has its cards for
// itself. A card whose room is not known bounds nothing.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corral/core/reason.hpp"
#include "corral/core/time.hpp"
#include "scheduler/residency_policy.hpp"
#include "scheduler/time_slice_policy.hpp"

namespace corral::scheduler {

struct instance_view {
    std::size_t model = 0;  // in box_view::models
    std::vector<unsigned> cards;
    std::uint64_t need_mb = 0;  // in MiB, of all its cards together; 0: not known
    bool measured = false;      // need_mb is no estimate
    std::uint16_t port = 0;     // one set of processes at a time can have it; 0: none
    presence is = presence::absent;
    bool admitted = true;     // it may be started
    bool counts = true;       // among those of which max_loaded may be there
    bool in_use = false;      // somebody has a lease on it
    bool draining = false;    // as the arrangement before wanted it
    bool first_load = false;  // it loads and was not ready since that began
    core::steady_time load_began{};
    core::steady_time expires = core::steady_time::max();
    std::uint64_t last_used = 0;
};

struct model_view {
    std::string name;
    std::optional<std::size_t>
        deployment{};  // tiers of one model have the same, and make no room for each other
    bool pinned = false;
    std::size_t most = 1;         // instances at once
    std::optional<moment> wants;  // since when somebody waits for it in vain, as none of its instances works
    bool preload = false;         // to be loaded if that costs nobody anything
    bool preload_more = false;    // the same for its further instances
    bool more = false;            // a further instance would be of use now
    bool needed = false;          // somebody waits for it, beside those it serves
    bool people = false;          // of these any is none of a job
    std::size_t running = 0;      // answers
    core::nanoseconds patience{0};
    const time_slice* slice = nullptr;  // not null
};

struct box_view {
    std::function<std::optional<std::uint64_t>(unsigned card)> usable_mb;
    std::size_t max_loaded = 0;  // process sets; 0: no bound
    swap_rule rule;
    std::vector<model_view> models;
    std::vector<instance_view> instances;
};

// What is taken of each card.
class card_ledger {
public:
    // Of all that is there. Without `leaving` those are taken to be gone.
    card_ledger(const box_view& box, bool leaving);
    void take(const instance_view& view) { enter(view, true); }
    void give(const instance_view& view) { enter(view, false); }
    [[nodiscard]] bool fits(const instance_view& view) const;
    [[nodiscard]] bool short_on(const instance_view& view, unsigned card) const;
    [[nodiscard]] bool port_is_taken(const instance_view& view) const;
    // As many are loaded as there may be beside `view`. What broke of its own model does not stand in its way: another
    // card set is tried.
    [[nodiscard]] bool full(const instance_view& view) const;
    // On the busiest of the cards of `view`.
    [[nodiscard]] std::size_t sets_beside(const instance_view& view) const;

private:
    struct page {
        std::optional<std::uint64_t> room;
        std::uint64_t used = 0;
        std::size_t sets = 0;
        std::size_t unknown = 0;  // sets whose need is not known
    };
    void enter(const instance_view& view, bool takes);
    std::map<unsigned, page> pages_;
    std::map<std::uint16_t, std::size_t> ports_;
    std::map<std::size_t, std::size_t> broken_;  // of each model
    std::size_t sets_ = 0;
    std::size_t most_ = 0;
};

// In MiB, on each of its cards.
[[nodiscard]] std::uint64_t share_of(const instance_view& view) noexcept;
[[nodiscard]] constexpr bool works(const instance_view& view) noexcept {
    return view.is == presence::loading || view.is == presence::ready;
}

// From when the time slice of `model` counts against the one that wants its room. Jobs have theirs from when their model
// was ready, however late a person comes for the other.
[[nodiscard]] moment slice_counts_from(const model_view& model, const model_view& wants) noexcept;

// How willing an instance is to make room, most willing first.
enum class evictability {
    idle_extra,  // nobody uses it, and its model has another one
    idle,        // nobody uses or waits for it
    busy_extra,  // goes when its answer has ended
    ends,        // the same: nobody waits for it, or its time slice has expired
    protected_,  // others are served first
};

struct victim {
    std::size_t instance = 0;
    evictability how = evictability::idle;
};

// Where a model is to be loaded, and who must go before.
struct instance_choice {
    std::size_t instance = 0;
    std::vector<victim> victims;
    [[nodiscard]] bool is_protected() const noexcept;
};

// For the first instance of `model`, on `ledger`, from which the instances `given` are taken off already;
// nothing: nowhere, whoever goes.
[[nodiscard]] std::optional<instance_choice> choose_instance(const box_view& box, const card_ledger& ledger,
                                                             const std::vector<std::size_t>& given,
                                                             std::size_t model, core::steady_time now);
// An instance that fits on both ledgers as they are.
[[nodiscard]] std::optional<std::size_t> choose_free_instance(const box_view& box, const card_ledger& present,
                                                              const card_ledger& later, std::size_t model);

// Why a model is not loaded, for people:
// "waits for room on card 0, which qwen3:4b holds until its 2 running answers end"
[[nodiscard]] core::reason text_of_wait(const box_view& box, const instance_view& wanted,
                                        const std::vector<victim>& victims);
// Nobody is asked to go, but it does not fit yet: others are on their way down.
[[nodiscard]] core::reason text_of_leaving(const box_view& box, const instance_view& wanted);
// The model `first` has waited for longer.
[[nodiscard]] core::reason text_of_turn(const box_view& box, const instance_view& wanted, std::size_t first);
// `loading` loads on one of its cards.
[[nodiscard]] core::reason text_of_load_before(const box_view& box, const instance_view& wanted,
                                               const instance_view& loading);
// Why `model` fits on none of its instances, with figures, and what to do.
[[nodiscard]] core::reason text_of_hopeless(const box_view& box, std::size_t model);

}  // namespace corral::scheduler

#include "scheduler/arrangement_policy.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "corral/core/say.hpp"
#include "scheduler/placement_policy.hpp"

namespace corral::scheduler {

namespace {

class arranger {
public:
    arranger(const box_view& box, core::steady_time now)
        : box_(box), now_(now), present_(box, true), later_(box, false) {}

    arrangement run() {
        for (const std::size_t model : in_order_of_waiting()) {
            place(model);
        }
        part_twins();
        give_up_broken();
        for (const bool pinned : {true, false}) {
            for (std::size_t model = 0; model < box_.models.size(); ++model) {
                const model_view& of = box_.models[model];
                if (of.preload && !of.wants && of.pinned == pinned && working(model) == 0) {
                    place_if_free(model, true);
                }
            }
        }
        for (std::size_t model = 0; model < box_.models.size(); ++model) {
            const model_view& of = box_.models[model];
            const std::size_t there = working(model);
            const bool more = of.preload_more || (of.more && !loads_anew(model));
            if (more && there > 0 && there < of.most) {
                place_if_free(model, of.preload_more);
            }
            if (there > of.most) {
                give_up_one(model);
            }
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] std::vector<std::size_t> in_order_of_waiting() const {
        std::vector<std::size_t> out;
        for (std::size_t model = 0; model < box_.models.size(); ++model) {
            if (box_.models[model].wants) {
                out.push_back(model);
            }
        }
        std::stable_sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) {
            return *box_.models[a].wants < *box_.models[b].wants;
        });
        return out;
    }
    template <typename Condition>
    [[nodiscard]] std::size_t count_instances(std::size_t model, Condition holds) const {
        return static_cast<std::size_t>(
            std::count_if(box_.instances.begin(), box_.instances.end(),
                          [&](const instance_view& view) { return view.model == model && holds(view); }));
    }
    [[nodiscard]] std::size_t working(std::size_t model) const { return count_instances(model, works); }
    [[nodiscard]] bool loads_anew(std::size_t model) const {
        return count_instances(model, [](const instance_view& view) {
                   return view.is == presence::loading && view.first_load;
               }) > 0;
    }
    // What loads on a card of `wanted` whose room is known; one that takes too long hinders nobody.
    [[nodiscard]] const instance_view* loading_beside(const instance_view& wanted) const {
        for (std::size_t i = 0; i < box_.instances.size(); ++i) {
            const instance_view& one = box_.instances[i];
            const bool begun = std::find(out_.start.begin(), out_.start.end(), i) != out_.start.end();
            const bool loads = one.is == presence::loading && one.first_load &&
                               now_ - one.load_began < box_.rule.longest_load;
            if (!begun && !loads) {
                continue;
            }
            for (const unsigned card : one.cards) {
                const auto& cards = wanted.cards;
                const bool shared = std::find(cards.begin(), cards.end(), card) != cards.end();
                if (shared && box_.usable_mb && box_.usable_mb(card)) {
                    return &one;
                }
            }
        }
        return nullptr;
    }
    void start(std::size_t instance) {
        out_.start.push_back(instance);
        present_.take(box_.instances[instance]);
    }
    void look_again(std::optional<core::steady_time> when) {
        if (when && (!out_.look_again || *when < *out_.look_again)) {
            out_.look_again = when;
        }
    }

    // A model that somebody waits for: what it needs is taken off before others are looked at, also where it
    // can't begin yet, so that nothing smaller slips in for ever.
    void place(std::size_t model) {
        const auto absent = [&](bool admitted) {
            return count_instances(model, [&](const instance_view& view) {
                       return view.is == presence::absent && view.admitted == admitted;
                   }) > 0;
        };
        if (!absent(true)) {
            // Else its own instances are on their way down, or up.
            if (absent(false)) {
                out_.blocked.push_back({model, core::say("model.waits-for-leaving/reload"), {}, {}, false});
            }
            return;
        }
        const std::optional<instance_choice> choice = choose_instance(box_, later_, given_, model, now_);
        if (!choice) {
            nowhere(model);
            return;
        }
        const instance_view& wanted = box_.instances[choice->instance];
        reserved_.push_back(model);
        for (const victim& each : choice->victims) {
            later_.give(box_.instances[each.instance]);
            given_.push_back(each.instance);
        }
        later_.take(wanted);
        if (choice->is_protected()) {
            wait_for_turns(model, *choice);
        } else if (!choice->victims.empty()) {
            clear(model, *choice);
        } else if (!present_.fits(wanted)) {
            out_.blocked.push_back({model, text_of_leaving(box_, wanted), {}, {}, false});
        } else if (const instance_view* const other = loading_beside(wanted)) {
            out_.blocked.push_back({model, text_of_load_before(box_, wanted, *other), {}, {}, false});
            look_again_after_load(*other);
        } else {
            start(choice->instance);
        }
    }
    // Those who wait longer have it first, or it can't be.
    void nowhere(std::size_t model) {
        const auto without_them = choose_instance(box_, card_ledger(box_, false), {}, model, now_);
        if (!without_them) {
            out_.hopeless.emplace_back(model, text_of_hopeless(box_, model));
            return;
        }
        blocked_model blocked{model,
                              text_of_turn(box_, box_.instances[without_them->instance], reserved_.front()),
                              reserved_,
                              {},
                              true};
        out_.blocked.push_back(std::move(blocked));
    }
    [[nodiscard]] std::optional<core::steady_time> end_of_load(const instance_view& of) const {
        return core::deadline::after(box_.rule.longest_load, of.load_began).at();
    }
    void look_again_after_load(const instance_view& of) {
        if (of.is == presence::loading) {
            look_again(end_of_load(of));
        }
    }
    // Nobody goes as long as one of them is protected; those whose time slice has expired get nothing more.
    void wait_for_turns(std::size_t model, const instance_choice& choice) {
        blocked_model blocked{
            model, text_of_wait(box_, box_.instances[choice.instance], choice.victims), {}, {}, false};
        const model_view& of = box_.models[model];
        for (const victim& each : choice.victims) {
            const instance_view& instance = box_.instances[each.instance];
            const model_view& in_the_way = box_.models[instance.model];
            blocked.behind.push_back(instance.model);
            if (each.how == evictability::ends) {
                out_.drain.push_back(each.instance);
            }
            if (each.how == evictability::protected_) {
                blocked.serving.push_back(instance.model);
                look_again(instance.first_load ? end_of_load(instance)
                                               : in_the_way.slice->expires_at(
                                                     slice_counts_from(in_the_way, of), of.patience));
            }
        }
        out_.blocked.push_back(std::move(blocked));
    }
    void clear(std::size_t model, const instance_choice& choice) {
        blocked_model blocked{
            model, text_of_wait(box_, box_.instances[choice.instance], choice.victims), {}, {}, false};
        for (const victim& each : choice.victims) {
            blocked.behind.push_back(box_.instances[each.instance].model);
            if (box_.instances[each.instance].in_use) {
                out_.drain.push_back(each.instance);
                yield(each.instance, model);
            } else {
                out_.evict.push_back({each.instance, model});
            }
        }
        out_.blocked.push_back(std::move(blocked));
    }
    // Not before its own time slice is over, or two models would be loaded in turn for a piece each.
    void yield(std::size_t instance, std::size_t to) {
        const model_view& of = box_.models[box_.instances[instance].model];
        const model_view& wants = box_.models[to];
        if (!wants.people || of.people) {
            return;
        }
        if (of.slice->expired(moment{}, wants.patience, box_.rule, now_)) {
            out_.yield.push_back({instance, to});
        } else {
            look_again(of.slice->expires_at(moment{}, wants.patience));
        }
    }
    // `reports`: that it does not fit is worth saying.
    void place_if_free(std::size_t model, bool reports) {
        const auto instance = choose_free_instance(box_, present_, later_, model);
        if (!instance) {
            // What is on its way down may make the room.
            const bool fits_later = choose_free_instance(box_, later_, later_, model).has_value();
            if (reports && !fits_later) {
                out_.preload_rejected.push_back(model);
            }
            return;
        }
        later_.take(box_.instances[*instance]);
        if (const instance_view* const other = loading_beside(box_.instances[*instance])) {
            look_again_after_load(*other);
            return;
        }
        start(*instance);
    }
    // Two that have begun before it was known that they want one port: whoever serves, or began first, stays.
    void part_twins() {
        std::map<std::uint16_t, std::size_t> first;
        const auto rank = [&](std::size_t i) {
            const instance_view& one = box_.instances[i];
            return std::tuple(!one.in_use, one.is != presence::ready, one.load_began, i);
        };
        for (std::size_t i = 0; i < box_.instances.size(); ++i) {
            if (box_.instances[i].port == 0 || !works(box_.instances[i])) {
                continue;
            }
            const auto [stays, alone] = first.emplace(box_.instances[i].port, i);
            if (alone) {
                continue;
            }
            const std::size_t goes = rank(i) < rank(stays->second) ? std::exchange(stays->second, i) : i;
            if (!box_.instances[goes].in_use) {
                out_.surplus.push_back(goes);
            }
        }
    }
    // What broke beside others that have its room: it was loaded while the room was not known, its card being away. It
    // can't load again, and while it counts as loaded nobody makes room for it. A pinned one goes last. What programs
    // of others have the room of stays broken, for it comes back when they go.
    void give_up_broken() {
        card_ledger there(box_, false);
        const card_ledger nobody_there = ledger_of_nobody();
        for (const bool pinned : {false, true}) {
            for (std::size_t i = 0; i < box_.instances.size(); ++i) {
                const instance_view& one = box_.instances[i];
                const bool goes_anyway = std::find(given_.begin(), given_.end(), i) != given_.end();
                const bool another_serves = working(one.model) > 0;
                if (one.is != presence::broken || goes_anyway || another_serves ||
                    box_.models[one.model].pinned != pinned || !nobody_there.fits(one)) {
                    continue;
                }
                there.give(one);
                if (there.fits(one)) {
                    there.take(one);
                } else {
                    out_.surplus.push_back(i);
                }
            }
        }
    }
    [[nodiscard]] card_ledger ledger_of_nobody() const {
        card_ledger out(box_, true);
        for (const instance_view& each : box_.instances) {
            if (each.is != presence::absent) {
                out.give(each);
            }
        }
        return out;
    }
    // The least recently used one that nobody uses.
    void give_up_one(std::size_t model) {
        std::optional<std::size_t> least;
        for (std::size_t i = 0; i < box_.instances.size(); ++i) {
            const instance_view& one = box_.instances[i];
            const bool idle = one.model == model && works(one) && !one.in_use;
            if (idle && (!least || one.last_used < box_.instances[*least].last_used)) {
                least = i;
            }
        }
        if (least) {
            out_.surplus.push_back(*least);
        }
    }

    const box_view& box_;
    core::steady_time now_;
    card_ledger present_;
    card_ledger later_;                  // once all that waited longer are where they are to be
    std::vector<std::size_t> reserved_;  // those
    std::vector<std::size_t> given_;     // instances that are to go for them
    arrangement out_;
};

}  // namespace

arrangement arrange(const box_view& box, core::steady_time now) {
    return arranger(box, now).run();
}

}  // namespace corral::scheduler

#include "scheduler/placement_policy.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "corral/core/say.hpp"

namespace corral::scheduler {

namespace {

std::string cards_text(const std::vector<unsigned>& cards) {
    std::string out;
    for (std::size_t i = 0; i < cards.size(); ++i) {
        const char* const between = i == 0 ? "" : i + 1 == cards.size() ? " and " : ", ";
        out += between + std::to_string(cards[i]);
    }
    return (cards.size() == 1 ? "card " : "cards ") + out;
}

std::string place_text(const box_view& box, const instance_view& wanted) {
    if (card_ledger(box, true).port_is_taken(wanted)) {
        return fmt::format("port {} (compiled into its program)", wanted.port);
    }
    if (card_ledger(box, true).full(wanted) || wanted.cards.empty()) {
        return fmt::format("a place among the {} that may be loaded at once", box.max_loaded);
    }
    return "room on " + cards_text(wanted.cards);
}

bool share_a_place(const instance_view& a, const instance_view& b) {
    return (a.port != 0 && a.port == b.port) ||
           std::any_of(a.cards.begin(), a.cards.end(), [&](unsigned card) {
               return std::find(b.cards.begin(), b.cards.end(), card) != b.cards.end();
           });
}

const char* sure_text(const instance_view& of) {
    return of.measured ? "" : "about ";
}

std::string pinned_names(const box_view& box, const instance_view& wanted, bool anywhere) {
    std::set<std::string> names;
    for (const instance_view& each : box.instances) {
        const model_view& model = box.models[each.model];
        const bool there = each.is != presence::absent && each.is != presence::leaving;
        if (there && model.pinned && (anywhere || share_a_place(each, wanted))) {
            names.insert(model.name);
        }
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

std::string short_text(const box_view& box, const instance_view& wanted) {
    for (const unsigned card : wanted.cards) {
        const std::optional<std::uint64_t> room = box.usable_mb ? box.usable_mb(card) : std::nullopt;
        if (!room) {
            continue;
        }
        if (share_of(wanted) > *room) {
            return fmt::format("card {} has {} MB for models, and it needs {}{} MB there", card, *room,
                               sure_text(wanted), share_of(wanted));
        }
        std::uint64_t pinned = 0;
        for (const instance_view& each : box.instances) {
            const bool stays = works(each) || each.is == presence::broken;
            const bool there = std::find(each.cards.begin(), each.cards.end(), card) != each.cards.end();
            pinned += stays && there && box.models[each.model].pinned ? share_of(each) : 0;
        }
        if (const std::string names = pinned_names(box, wanted, false); !names.empty()) {
            const std::string need = share_of(wanted) == 0
                                         ? std::string("all of it, as its need is not known")
                                         : fmt::format("{}{} MB", sure_text(wanted), share_of(wanted));
            return fmt::format(
                "card {} has {} MB for models, of which the pinned {} holds {} MB; it needs {}", card, *room,
                names, pinned, need);
        }
    }
    return {};
}

std::string pinned_port_text(const box_view& box, std::size_t model) {
    for (const instance_view& each : box.instances) {
        instance_view by_port = each;
        by_port.cards.clear();
        const std::string names = each.model == model && card_ledger(box, false).port_is_taken(each)
                                      ? pinned_names(box, by_port, false)
                                      : std::string();
        if (!names.empty()) {
            return fmt::format("port {}, which is compiled into its program, is held by the pinned {}",
                               each.port, names);
        }
    }
    return {};
}

}  // namespace

core::reason text_of_wait(const box_view& box, const instance_view& wanted,
                          const std::vector<victim>& victims) {
    // Told of the one that will take longest.
    const victim& last = *std::max_element(victims.begin(), victims.end(),
                                           [](const victim& a, const victim& b) { return a.how < b.how; });
    const instance_view& instance = box.instances[last.instance];
    const model_view& other = box.models[instance.model];
    const std::string place = place_text(box, wanted);
    if (last.how == evictability::protected_) {
        return core::say("model.waits-for-turn", place, other.name);
    }
    if (!instance.in_use) {
        return core::say("model.waits-for-leaving", place, other.name);
    }
    if (other.running > 1) {
        return core::say("model.waits-for-answer/several", place, other.name, other.running);
    }
    return core::say("model.waits-for-answer", place, other.name);
}

core::reason text_of_leaving(const box_view& box, const instance_view& wanted) {
    for (const instance_view& each : box.instances) {
        if (each.is == presence::leaving && (share_a_place(each, wanted) || box.max_loaded > 0)) {
            return core::say("model.waits-for-leaving", place_text(box, wanted), box.models[each.model].name);
        }
    }
    return core::say("model.waits-for-leaving/place", place_text(box, wanted));
}

core::reason text_of_turn(const box_view& box, const instance_view& wanted, std::size_t first) {
    return core::say("model.waits-in-line", place_text(box, wanted), box.models[first].name);
}

core::reason text_of_load_before(const box_view& box, const instance_view& wanted,
                                 const instance_view& loading) {
    return core::say("model.waits-for-load", box.models[loading.model].name, cards_text(wanted.cards));
}

core::reason text_of_hopeless(const box_view& box, std::size_t model) {
    std::string out;
    for (const instance_view& each : box.instances) {
        if (each.model != model || each.is != presence::absent) {
            continue;
        }
        const std::string one = short_text(box, each);
        if (!one.empty()) {
            out += (out.empty() ? "" : "; ") + one;
        }
    }
    const std::string& name = box.models[model].name;
    if (const std::string port = pinned_port_text(box, model); !port.empty()) {
        return core::say("model.pin-in-the-way", name, port);
    }
    if (out.empty()) {
        const std::string names = pinned_names(box, instance_view{}, true);
        return core::say("model.too-many", name, box.max_loaded,
                         names.empty() ? std::string("what is loaded") : names);
    }
    return core::say("model.no-room", name, out);
}

}  // namespace corral::scheduler

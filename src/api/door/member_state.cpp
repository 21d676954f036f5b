#include "corral/api/member_state.hpp"

#include <algorithm>
#include <set>

#include "corral/core/text.hpp"
#include "corral/generation/readiness.hpp"

namespace corral::api {

namespace {

constexpr unsigned whole = 100;
constexpr unsigned of_a_load = 50;
constexpr unsigned of_a_swap = 10;

// As many at once as it has places are served without a wait.
unsigned share_of(const scheduler::outlook& queue) {
    const std::size_t places = std::max<std::size_t>(1, queue.places);
    const std::size_t with_it = queue.running + queue.waiting + 1;
    if (with_it <= places) {
        return whole;
    }
    return std::max(1U, static_cast<unsigned>(whole * places / with_it));
}

// Takes the word off the end of what was asked; false where it isn't there.
bool take_steady(std::string_view& asked) {
    constexpr std::string_view word = "steady";
    const std::size_t before = asked.size() - std::min(asked.size(), word.size());
    const bool there = asked.substr(before) == word && (before == 0 || asked[before - 1] == ' ');
    if (there) {
        asked = core::trimmed(asked.substr(0, before));
    }
    return there;
}

}  // namespace

const member_verdict* judge_box(const box_condition& box) {
    static constexpr member_verdict ends{member_word::down, 0, "shutting down"};
    static constexpr member_verdict closed{member_word::down, 0, "closed"};
    static constexpr member_verdict drained{member_word::drain, 0, "draining"};
    return box.ends ? &ends : box.closed ? &closed : box.drained ? &drained : nullptr;
}

member_verdict judge_member(const box_condition& box, const model_condition& model) {
    if (const member_verdict* const kept = judge_box(box)) {
        return *kept;
    }
    if (model.suspended) {
        return {member_word::down, 0, "stopped"};
    }
    switch (model.state) {
        case engine::availability_state::ready:
            return {member_word::up, share_of(model.queue), "ready"};
        case engine::availability_state::stopped: {
            const unsigned most = model.queue.needs_room ? of_a_swap : of_a_load;
            return {member_word::up, std::min(most, share_of(model.queue)), "unloaded"};
        }
        case engine::availability_state::loading:
            return {member_word::up, 0, "loading"};
        case engine::availability_state::broken:
            break;
    }
    return {member_word::down, 0, "broken"};
}

model_condition condition_of(const generation::served_model& model, const scheduler::scheduler& admission) {
    model_condition out;
    out.state = generation::availability_of(admission, model.deployment).state;
    out.suspended = admission.suspended(model.deployment);
    out.queue = admission.outlook_of(model.deployment);
    return out;
}

std::string agent_line(const box_condition& box, const generation::model_directory& models,
                       const scheduler::scheduler& admission, std::string_view asked) {
    const bool steady = take_steady(asked);
    const auto judged = [&](const generation::served_model& model) {
        model_condition now = condition_of(model, admission);
        if (steady) {
            now.queue.running = 0;
            now.queue.waiting = 0;
        }
        return judge_member(box, now);
    };
    member_verdict verdict{member_word::down, 0, asked.empty() ? "no model" : "unknown model"};
    if (const member_verdict* const kept = judge_box(box)) {
        verdict = *kept;
    } else if (!asked.empty()) {
        if (const generation::served one = models.find(asked)) {
            verdict = judged(*one);
        }
    } else {
        std::set<std::string_view> seen;  // clients may have made a thousand names for one
        for (const generation::served& each : models.all()) {
            if (!seen.insert(each->deployment).second) {
                continue;
            }
            const member_verdict one = judged(*each);
            const bool better = one.word == member_word::up &&
                                (verdict.word != member_word::up || one.percent > verdict.percent);
            verdict = better || seen.size() == 1 ? one : verdict;
        }
    }
    switch (verdict.word) {
        case member_word::up:
            return "ready up " + std::to_string(verdict.percent) + "%\n";
        case member_word::drain:
            return "drain\n";
        case member_word::down:
            break;
    }
    return "down #" + std::string(verdict.status) + "\n";
}

}  // namespace corral::api

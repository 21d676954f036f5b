#include "scheduler/conversation_hold.hpp"

#include <cmath>

namespace corral::scheduler {

namespace {

constexpr std::size_t most_habits = 256;
constexpr double weight_of_newest = 0.5;

}  // namespace

conversation_hold::habit& conversation_hold::habit_of(const std::string& client) {
    if (habits_.size() >= 2 * most_habits && !habits_.contains(client)) {
        std::erase_if(habits_, [this](const auto& each) { return each.second.seen + most_habits < seen_; });
    }
    habit& of = habits_[client];
    of.seen = ++seen_;
    return of;
}

void conversation_hold::learn(const std::string& client, bool in_time) {
    habit& of = habit_of(client);
    of.goes_on += weight_of_newest * ((in_time ? 1.0 : 0.0) - of.goes_on);
}

void conversation_hold::released(kept_place& at, const std::string& client, core::nanoseconds saving,
                                 core::steady_time now) {
    at = {.released = now, .client = client};
    if (longest_ > core::nanoseconds{0} && saving > core::nanoseconds{0}) {
        at.until = now + longest_;
        at.expected =
            core::nanoseconds{std::llround(static_cast<double>(saving.count()) * habit_of(client).goes_on)};
    }
}

void conversation_hold::granted(kept_place& at, const std::string& client, bool went_on,
                                core::steady_time now) {
    if (at.released && went_on) {
        learn(client, now - *at.released <= longest_);
    } else if (at.released && (at.delays || at.client == client)) {
        learn(at.client, false);
    }
    at = {};
}

}  // namespace corral::scheduler

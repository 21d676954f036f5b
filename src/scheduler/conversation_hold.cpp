#include "scheduler/conversation_hold.hpp"

#include <algorithm>

namespace corral::scheduler {

namespace {

constexpr std::size_t most_habits = 256;
constexpr unsigned most_doublings = 6;

}  // namespace

conversation_hold::habit& conversation_hold::habit_of(const std::string& client) {
    if (habits_.size() >= 2 * most_habits && !habits_.contains(client)) {
        std::erase_if(habits_, [this](const auto& each) { return each.second.seen + most_habits < seen_; });
    }
    habit& of = habits_[client];
    of.seen = ++seen_;
    return of;
}

bool conversation_hold::takes_chance(habit& of) noexcept {
    const unsigned skipped = (1U << std::min(of.misses, most_doublings)) - 1;
    if (of.chances < skipped) {
        ++of.chances;
        return false;
    }
    of.chances = 0;
    return true;
}

void conversation_hold::released(kept_place& at, const std::string& client, core::steady_time now) {
    at.released = now;
    at.client = client;
    at.delays = false;
    at.until.reset();
    if (longest_ > core::nanoseconds{0} && at.goes_on && takes_chance(habit_of(client))) {
        at.until = now + longest_;
    }
}

void conversation_hold::granted(kept_place& at, const std::string& client, bool went_on,
                                core::steady_time now) {
    if (went_on) {
        at.goes_on = true;
        if (at.released && now - *at.released <= longest_) {
            habit_of(client).misses = 0;
        }
    } else if (at.until && at.delays) {
        ++habit_of(at.client).misses;
    }
    at.until.reset();
    at.delays = false;
}

}  // namespace corral::scheduler

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "scheduler/queue_policy.hpp"

namespace corral::scheduler {

// Drives the policy and keeps what it decided, newest last.
class queue_policy_fixture : public testing::Test {
protected:
    queue_policy_fixture() {
        open("m");
        open("n");
    }
    // With one instance.
    void open(const std::string& model) {
        policy_.add_queue(model);
        renew(model);
    }
    void renew(const std::string& model) {
        instances_[model] = instance_id{++last_instance_};
        policy_.add_instance(model, instances_[model], {}, now_);
    }
    std::vector<decision> change(const std::string& model, presence state, const std::string& why = {}) {
        return policy_.instance_changed(instances_.at(model), state, core::reason::unlisted(why), now_);
    }
    void take(const std::vector<decision>& decisions) {
        told_.insert(told_.end(), decisions.begin(), decisions.end());
    }
    void arrive(std::uint64_t id, const std::string& client = "a", const std::string& model = "m",
                bool again = false) {
        take(policy_.arrive({ticket_id{id}, client, model, again}, now_));
    }
    void ready(const std::string& model = "m") { take(change(model, presence::ready)); }
    void broken(const std::string& why) { take(change("m", presence::broken, why)); }
    void loading() { take(change("m", presence::loading)); }
    void release(std::uint64_t id) { take(policy_.release(ticket_id{id}, now_)); }
    // "1+ 2:full 3:broken": what was told since the last call.
    std::string told() {
        std::string out;
        for (const decision& each : told_) {
            constexpr const char* words[] = {"+",          ":full",    ":unknown", ":broken", ":shutdown",
                                             ":suspended", ":removed", ":room",    ":late"};
            out += (out.empty() ? "" : " ") + std::to_string(each.ticket.value) +
                   words[static_cast<int>(each.what)];
        }
        last_ = told_.empty() ? decision{} : told_.back();
        told_.clear();
        return out;
    }

    // "2 ahead, 14 s", "waits not"
    std::string place(std::uint64_t id) const {
        const auto got = policy_.standing_of(ticket_id{id}, now_);
        if (!got) {
            return "waits not";
        }
        return std::to_string(got->ahead) + " ahead, " +
               (got->estimate ? std::to_string(got->estimate->count()) + " s" : "unknown");
    }
    std::string estimate() const {
        const auto got = policy_.estimate_now(now_);
        return got ? std::to_string(got->count()) + " s" : "unknown";
    }
    // One lease of ten seconds, so that there is a measure.
    void measure_service() {
        ready();
        arrive(100);
        now_ += core::seconds{10};
        release(100);
        told();
    }
    void unloaded(const std::string& model = "m") { take(change(model, presence::absent)); }

    queue_policy policy_{2};
    std::map<std::string, instance_id> instances_;
    std::uint64_t last_instance_ = 0;
    core::steady_time now_{core::seconds{100}};
    std::vector<decision> told_;
    decision last_;
};

}  // namespace corral::scheduler

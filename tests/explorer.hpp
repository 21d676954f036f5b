#pragma once
// Every order of events of a pure machine, to a depth. The machine stands in a `World`, a small honest copy
// of what is around it, which is copied for each event:
//
//   using step;                               one event, with the choices that it has
//   std::vector<step> possible() const;       all that may come next
//   std::string happen(const step&);          what is wrong after it; empty: nothing
//   std::string comes_to_rest() const;        the same, after all that is open has come to its end, in a copy
//   std::string seen() const;                 what decides all that may come: an event after which it is the
//                                             same led nowhere. Empty: can't be told, each leads somewhere
//   static constexpr bool merges;             worlds with the same seen() are one, whatever led there
//   static std::string told(const step&);     for people

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

namespace corral::test {

template <typename World>
class explorer {
public:
    using step = typename World::step;

    // `usual` is for the suite; CORRAL_EXPLORE_DEPTH is for long runs.
    explicit explorer(unsigned usual) {
        const char* const asked = std::getenv("CORRAL_EXPLORE_DEPTH");
        depth_ = asked != nullptr ? static_cast<unsigned>(std::strtoul(asked, nullptr, 10)) : usual;
        EXPECT_GT(depth_, 0U) << "CORRAL_EXPLORE_DEPTH is no number";
    }

    // From this place on. Nothing after the first fault.
    void explore(const World& from) {
        if (!wrong_.empty()) {
            return;
        }
        ++origins_;
        if (is_new(from.seen(), depth_)) {
            visit(from, depth_);
        }
    }
    // All events of `way` from there, and from each place on it.
    void explore_along(World from, const std::vector<step>& way) {
        explore(from);
        for (const step& each : way) {
            if (!wrong_.empty()) {
                return;
            }
            way_.push_back(each);
            wrong_ = from.happen(each);
            explore(from);
        }
        if (wrong_.empty()) {
            way_.clear();
        }
    }

    // The figures are for docs/reliability.md.
    void expect_all_well(const std::string& what) const {
        std::string way;
        for (const step& each : way_) {
            way += "\n  " + World::told(each);
        }
        EXPECT_EQ(wrong_, "") << what << ", in this order:" << way;
        std::printf("%s: depth %u from %zu places: %zu states, %zu steps\n", what.c_str(), depth_, origins_,
                    states_, steps_);
        EXPECT_GT(states_, steps_ / 100) << "hardly an event has an effect";
    }

private:
    void visit(const World& from, unsigned left) {
        wrong_ = from.comes_to_rest();
        if (!wrong_.empty() || left == 0) {
            return;
        }
        const std::string before = from.seen();
        for (const step& each : from.possible()) {
            World next = from;
            ++steps_;
            way_.push_back(each);
            wrong_ = next.happen(each);
            if (wrong_.empty()) {
                const std::string after = next.seen();
                if ((after.empty() || after != before) && is_new(after, left - 1)) {
                    visit(next, left - 1);
                }
            }
            if (!wrong_.empty()) {
                return;  // with the way to it
            }
            way_.pop_back();
        }
    }
    // Also a known one, where less was left to go from it.
    [[nodiscard]] bool is_new(const std::string& seen, unsigned left) {
        if (!World::merges) {
            ++states_;
            return true;
        }
        // By 64 bits: two of a million states are taken for one with a chance of 1 in 10^7.
        const auto [at, fresh] = reached_.try_emplace(std::hash<std::string>{}(seen), left);
        states_ += fresh ? 1U : 0U;
        if (!fresh && at->second >= left) {
            return false;
        }
        at->second = left;
        return true;
    }

    unsigned depth_ = 0;
    std::size_t origins_ = 0;
    std::size_t states_ = 0;  // each reached by another order of events, or with `merges` another state
    std::size_t steps_ = 0;
    std::vector<step> way_;
    std::string wrong_;
    std::unordered_map<std::size_t, unsigned> reached_;
};

}  // namespace corral::test

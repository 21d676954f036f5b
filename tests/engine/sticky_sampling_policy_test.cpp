#include "engine/sticky_sampling_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include <gtest/gtest.h>

#include "engine/dialects/ax_poll/vendor_protocol.hpp"

namespace corral::engine::ax_poll {
namespace {

struct sampling_case {
    const char* name;
    chat::sampling asked;
    double temperature;
    double penalty;
    std::optional<std::int64_t> top_k;
    std::optional<double> top_p;
};

chat::sampling ask(std::optional<double> temperature, std::optional<std::int64_t> top_k,
                   std::optional<double> top_p, std::optional<double> penalty) {
    chat::sampling out;
    out.temperature = temperature;
    out.top_k = top_k;
    out.top_p = top_p;
    out.repeat_penalty = penalty;
    return out;
}

constexpr auto none = std::nullopt;

const sampling_case cases[] = {
    {"defaults", ask(none, none, none, none), 0.8, 1.0002, 40, none},
    {"greedy", ask(0.0, none, none, none), 1.0, 1.0002, 1, none},
    {"greedy wins over all", ask(-1.0, 50, 0.5, none), 1.0, 1.0002, 1, none},
    {"neutral penalty undoes an earlier one", ask(none, none, none, 1.0), 0.8, 1.0002, 40, none},
    {"penalty below one", ask(none, none, none, 0.5), 0.8, 1.0002, 40, none},
    {"penalty kept", ask(none, none, none, 1.5), 0.8, 1.5, 40, none},
    {"only top_p", ask(none, none, 0.5, none), 0.8, 1.0002, none, 0.5},
    {"only top_k", ask(none, 7, none, none), 0.8, 1.0002, 7, none},
    {"both: top_k, as the runtime would", ask(none, 7, 0.5, none), 0.8, 1.0002, 7, none},
    {"top_k off leaves top_p", ask(none, 0, 0.5, none), 0.8, 1.0002, none, 0.5},
    {"top_k off, default top_p", ask(none, 0, none, none), 0.8, 1.0002, none, 0.9},
    {"both off: the whole vocabulary", ask(none, 0, 1.0, none), 0.8, 1.0002, 151936, none},
    {"top_p zero is greedy", ask(none, 0, 0.0, none), 0.8, 1.0002, 1, none},
    {"top_p alone but off", ask(none, none, 1.0, none), 0.8, 1.0002, 40, none},
    {"top_k above the vocabulary kills", ask(none, 1'000'000, none, none), 0.8, 1.0002, 151936, none},
    {"not a number", ask(std::nan(""), none, none, std::nan("")), 0.8, 1.0002, 40, none},
};

TEST(sticky_sampling_policy, sends_a_complete_set_with_one_of_top_k_and_top_p) {
    for (const sampling_case& one : cases) {
        const wire_sampling got = complete_sampling(one.asked, {}, 151936);
        EXPECT_DOUBLE_EQ(got.temperature, one.temperature) << one.name;
        EXPECT_DOUBLE_EQ(got.repetition_penalty, one.penalty) << one.name;
        EXPECT_EQ(got.top_k, one.top_k) << one.name;
        EXPECT_EQ(got.top_p, one.top_p) << one.name;
    }
}

bool changes_the_wire(const chat::sampling& asked) {
    return generate_body("p", complete_sampling(asked, {}, 151936)) !=
           generate_body("p", complete_sampling({}, {}, 151936));
}

// docs/facts/vendor_ax.md#generate, #sampling: four keys, no seed.
TEST(sticky_sampling_policy, what_is_honoured_reaches_the_wire_and_nothing_else_does) {
    const struct {
        std::string_view name;
        void (*set)(chat::sampling&);
    } all[] = {
        {"temperature", [](chat::sampling& s) { s.temperature = 0.1; }},
        {"top_k", [](chat::sampling& s) { s.top_k = 3; }},
        {"top_p", [](chat::sampling& s) { s.top_p = 0.5; }},
        {"min_p", [](chat::sampling& s) { s.min_p = 0.5; }},
        {"repeat_penalty", [](chat::sampling& s) { s.repeat_penalty = 1.5; }},
        {"repeat_last_n", [](chat::sampling& s) { s.repeat_last_n = 3; }},
        {"presence_penalty", [](chat::sampling& s) { s.presence_penalty = 1.0; }},
        {"frequency_penalty", [](chat::sampling& s) { s.frequency_penalty = 1.0; }},
        {"seed", [](chat::sampling& s) { s.seed = 42; }},
    };
    const auto honoured = honoured_sampling();
    for (const auto& [name, set] : all) {
        chat::sampling asked;
        set(asked);
        const bool named = std::find(honoured.begin(), honoured.end(), name) != honoured.end();
        EXPECT_EQ(changes_the_wire(asked), named) << name;
    }
    EXPECT_EQ(honoured.size(), 4U);
}

TEST(sticky_sampling_policy, stays_below_any_vocabulary_while_it_is_unknown) {
    EXPECT_EQ(complete_sampling(ask(none, 1'000'000, none, none), {}, 0).top_k, 1000);
}

}  // namespace
}  // namespace corral::engine::ax_poll

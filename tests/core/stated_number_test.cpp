#include "corral/core/stated_number.hpp"

#include <gtest/gtest.h>

namespace corral::core {
namespace {

struct stated_case {
    const char* text;
    std::optional<std::uint32_t> count;
    std::optional<nanoseconds> span;  // in milliseconds
};

TEST(stated_number, whatever_a_runtime_states_is_a_harmless_figure_or_none) {
    using std::chrono::milliseconds;
    const stated_case table[] = {
        {"0", 0U, nanoseconds{0}},
        {"7", 7U, milliseconds{7}},
        {"7.9", 7U, nanoseconds{7'900'000}},
        {"1000000000", most_stated, longest_stated},
        {"1000000001", most_stated, longest_stated},
        {"4294967296", most_stated, longest_stated},
        {"9223372036854775807", most_stated, longest_stated},
        {"9223372036854775808", most_stated, longest_stated},
        {"18446744073709551615", most_stated, longest_stated},
        {"18446744073709551616", most_stated, longest_stated},
        {"1e308", most_stated, longest_stated},
        {"1e-308", 0U, nanoseconds{0}},
        {"-0.0", 0U, nanoseconds{0}},
        {"-1", std::nullopt, std::nullopt},
        {"-9223372036854775808", std::nullopt, std::nullopt},
        {"-9223372036854775809", std::nullopt, std::nullopt},
        {"-1e308", std::nullopt, std::nullopt},
        {R"("12")", std::nullopt, std::nullopt},
        {"true", std::nullopt, std::nullopt},
        {"null", std::nullopt, std::nullopt},
        {"[5]", std::nullopt, std::nullopt},
        {R"({"a":1})", std::nullopt, std::nullopt},
    };
    for (const stated_case& one : table) {
        const nlohmann::json object = {{"n", nlohmann::json::parse(one.text)}};
        EXPECT_EQ(stated_count(object, "n"), one.count) << one.text;
        EXPECT_EQ(stated_span(object, "n", std::chrono::milliseconds{1}), one.span) << one.text;
    }
    EXPECT_FALSE(stated_count(nlohmann::json::object(), "n"));
}

TEST(stated_number, sums_and_shares_stay_within_their_bounds) {
    EXPECT_EQ(sum_of(3U, 4U), 7U);
    EXPECT_EQ(sum_of(UINT32_MAX, UINT32_MAX), most_stated);
    EXPECT_EQ(sum_of(nanoseconds::max(), nanoseconds::max()), longest_stated);
    EXPECT_EQ(sum_of(nanoseconds::min(), nanoseconds{5}), nanoseconds{5});
    EXPECT_EQ(share_of(nanoseconds{100}, 1, 4), nanoseconds{25});
    EXPECT_EQ(share_of(nanoseconds{100}, 1, 0), nanoseconds{0});
    EXPECT_EQ(share_of(nanoseconds::max(), UINT32_MAX, 1), longest_stated);
}

}  // namespace
}  // namespace corral::core

#include "generation/answer_gates.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "corral/chat/family.hpp"
#include "corral/chat/output_filter.hpp"

namespace corral::generation {
namespace {

chat::token_logprobs tokens(const std::vector<std::string>& texts) {
    chat::token_logprobs out;
    for (const std::string& text : texts) {
        out.push_back({{text, -1.0}, {}});
    }
    return out;
}

std::string text_of(const chat::token_logprobs& some) {
    std::string out;
    for (const chat::token_logprob& each : some) {
        out += each.written.bytes;
    }
    return out;
}

TEST(token_hold, without_stops_nothing_waits) {
    token_hold hold({});
    hold.add(tokens({"a", "b"}));
    EXPECT_EQ(text_of(hold.take()), "ab");
    EXPECT_EQ(hold.bytes(), 0U);
}

TEST(token_hold, a_token_waits_as_long_as_a_stop_may_begin_in_it) {
    token_hold hold({"END"});
    hold.add(tokens({"ab", "E", "N"}));
    EXPECT_EQ(text_of(hold.take()), "ab");
    hold.add(tokens({"D"}));
    EXPECT_EQ(text_of(hold.take_all("END")), "");
}

TEST(token_hold, a_token_that_begins_before_the_stop_is_told) {
    token_hold hold({"END"});
    hold.add(tokens({"a", "bEN", "D", "x"}));
    EXPECT_EQ(text_of(hold.take_all("END")), "abEN");
    hold.add(tokens({"rest"}));
    EXPECT_EQ(text_of(hold.take_all("")), "rest");
}

// However the text is cut, the tokens told are those that begin before the stop.
TEST(token_hold, what_is_told_is_what_is_shown) {
    std::mt19937 random(11);
    for (int round = 0; round < 3000; ++round) {
        const std::vector<std::string> stops{round % 2 == 0 ? "ab" : "bba"};
        chat::filter_options how;
        how.format = chat::find_family("qwen3");
        how.stops = stops;
        chat::output_filter filter(std::move(how));
        token_hold hold(stops);
        std::string shown;
        std::string told;
        std::size_t last = 0;
        for (int i = 0; i < 8 && !filter.stopped(); ++i) {
            const std::string token = std::string(random() % 2, 'a') + std::string(1 + random() % 2, 'b') +
                                      std::string(random() % 2, 'a');
            hold.add(tokens({token}));
            last = token.size();
            for (const auto& event : filter.feed(token)) {
                shown += std::get<chat::text_event>(event).text;
            }
            told += text_of(filter.stopped() ? hold.take_all(filter.stopped_by()) : hold.take());
        }
        for (const auto& event : filter.finish()) {
            shown += std::get<chat::text_event>(event).text;
        }
        told += text_of(hold.take_all(filter.stopped_by()));
        ASSERT_TRUE(told.starts_with(shown)) << told << " and " << shown;
        ASSERT_LT(told.size() - shown.size(), std::max<std::size_t>(last, 4)) << told << " and " << shown;
    }
}

}  // namespace
}  // namespace corral::generation

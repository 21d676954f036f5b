#include "chat/answer/stop_matcher.hpp"

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

struct sample {
    std::vector<std::string> ends;
    std::string text;
    std::string expected;
    bool stopped;
};

const std::vector<sample>& samples() {
    static const std::vector<sample> all{
        {{}, "all of it", "all of it", false},
        {{""}, "empty stops are none", "empty stops are none", false},
        {{"END"}, "one END two", "one ", true},
        {{"END"}, "one EN", "one EN", false},
        {{"END"}, "EENEND!", "EEN", true},
        {{"aab"}, "aaab", "a", true},
        {{"abab"}, "abaabab", "aba", true},
        {{"abc", "b"}, "xabcd", "x", true},  // the one that starts first, not the one that is complete first
        {{"abc", "b"}, "xabd", "xa", true},
        {{"abc", "b"}, "xab", "xa", true},  // settled only at the end
        {{"<", "<|im_end|>"}, "a <|im_end|>", "a ", true},
        {{"\xC3\xA9"}, "caf\xC3\xA9s", "caf", true},
        {{"\xA9"}, "caf\xC3\xA9s", "caf\xC3\xA9s", false},  // no stop cuts a character
    };
    return all;
}

TEST(stop_matcher, is_independent_of_the_pieces) {
    for (const auto& one : samples()) {
        for (std::size_t first = 0; first <= one.text.size(); ++first) {
            for (std::size_t second = first; second <= one.text.size(); ++second) {
                stop_matcher stops(one.ends);
                auto out = stops.feed(one.text.substr(0, first));
                out += stops.feed(one.text.substr(first, second - first));
                out += stops.feed(one.text.substr(second));
                out += stops.finish();
                EXPECT_EQ(out, one.expected) << one.text << " cut at " << first << " and " << second;
                EXPECT_EQ(stops.stopped(), one.stopped) << one.text;
            }
        }
    }
}

TEST(stop_matcher, holds_back_only_what_may_become_a_stop) {
    stop_matcher stops({"User:", "<|im_end|>"});
    EXPECT_EQ(stops.feed("Hello Us"), "Hello ");
    EXPECT_EQ(stops.feed("ual <"), "Usual ");
    EXPECT_EQ(stops.feed("|im"), "");
    EXPECT_EQ(stops.feed("age <|im_end|"), "<|image ");
    EXPECT_FALSE(stops.stopped());
    EXPECT_EQ(stops.feed("> ignored"), "");
    EXPECT_TRUE(stops.stopped());
    EXPECT_EQ(stops.feed("more"), "");
    EXPECT_EQ(stops.finish(), "");
}

}  // namespace
}  // namespace corral::chat

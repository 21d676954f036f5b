#include "chat/answer/think_filter.hpp"

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

struct sample {
    bool inside;
    std::string raw;
    std::string thinking;
    std::string answer;
};

const std::vector<sample>& samples() {
    static const std::vector<sample> all{
        {false, "<think>a < b</think>\n\nYes", "a < b", "Yes"},
        {false, "<think>\nLet me see. \n</think>\n\nYes \n", "Let me see.", "Yes \n"},
        {false, "\n <think>\n\n</think>\n\nYes", "", "Yes"},
        {false, "<think>\n<think>\ntwice</think>ok", "twice", "ok"},
        {false, "<think><think><think>thrice</think>ok", "<think>thrice", "ok"},
        {false, "<think>no end  ", "no end  ", ""},
        {false, "<think>half </thi", "half </thi", ""},
        {false, "<think>x </ think> y </think>z", "x </ think> y", "z"},
        {false, "<think>x</think>y<think>z</think>", "x", "y<think>z</think>"},
        {false, " No thinking <think>x</think>", "", " No thinking <think>x</think>"},
        {false, "<thin", "", "<thin"},
        {false, "<thing>", "", "<thing>"},
        {false, "  ", "", "  "},
        {false, "</think>x", "", "</think>x"},
        {false, "", "", ""},
        {true, "\nfrom the start\n</think>\n\nYes", "from the start", "Yes"},
        {true, "<think>\nwith its own tag</think>Yes", "with its own tag", "Yes"},
        {true, "</think>Yes", "", "Yes"},
        {true, "<", "<", ""},
    };
    return all;
}

void add(split_text& to, const split_text& part) {
    to.thinking += part.thinking;
    to.answer += part.answer;
}

TEST(think_filter, is_independent_of_the_pieces) {
    for (const auto& one : samples()) {
        for (std::size_t first = 0; first <= one.raw.size(); ++first) {
            for (std::size_t second = first; second <= one.raw.size(); ++second) {
                think_filter filter(one.inside);
                split_text out = filter.feed(one.raw.substr(0, first));
                add(out, filter.feed(one.raw.substr(first, second - first)));
                add(out, filter.feed(one.raw.substr(second)));
                add(out, filter.finish(false));
                EXPECT_EQ(out.thinking, one.thinking) << one.raw << " cut at " << first << " and " << second;
                EXPECT_EQ(out.answer, one.answer) << one.raw << " cut at " << first << " and " << second;
            }
        }
    }
}

TEST(think_filter, gives_each_piece_as_soon_as_it_is_certain) {
    struct step {
        const char* piece;
        const char* thinking;
        const char* answer;
    };
    const step steps[] = {
        {"<thi", "", ""},          {"nk>\n", "", ""}, {"I see", "I see", ""},     {" \n", "", ""},
        {"that <", " \nthat", ""}, {"b", " <b", ""},  {" </thi", "", ""},         {"nk>\n", "", ""},
        {"\nYes ", "", "Yes "},    {"\n", "", "\n"},  {"<think>", "", "<think>"},
    };
    think_filter filter(false);
    for (const auto& one : steps) {
        const auto out = filter.feed(one.piece);
        EXPECT_EQ(out.thinking, one.thinking) << one.piece;
        EXPECT_EQ(out.answer, one.answer) << one.piece;
    }
}

TEST(think_filter, tells_an_empty_block_from_one_with_words) {
    struct block {
        std::string raw;
        bool swallowed;
        bool before_answer;
        bool in_thoughts;
    };
    const block table[] = {
        {"", false, true, false},
        {"<thi", false, true, false},
        {"<think>\n", false, true, true},
        {"<think>\n\n</thi", false, true, true},
        {"\n<think></think>", true, true, true},
        {"<think>\n\n</think>\n\n", true, true, true},
        {"<think>\n\n</think>\n\nYes", true, false, false},
        {"<think>\nHm", false, false, true},
        {"<think>\nHm.\n</think>\n", false, false, true},
        {"Yes <think></think>", false, false, false},
    };
    for (const block& one : table) {
        for (std::size_t cut = 0; cut <= one.raw.size(); ++cut) {
            think_filter filter(false);
            (void)filter.feed(one.raw.substr(0, cut));
            (void)filter.feed(one.raw.substr(cut));
            EXPECT_EQ(filter.swallowed_block(), one.swallowed) << one.raw << " cut at " << cut;
            EXPECT_EQ(filter.before_answer(), one.before_answer) << one.raw << " cut at " << cut;
            EXPECT_EQ(filter.in_thoughts(), one.in_thoughts) << one.raw << " cut at " << cut;
        }
    }
}

}  // namespace
}  // namespace corral::chat

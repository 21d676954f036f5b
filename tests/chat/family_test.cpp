#include "corral/chat/family.hpp"

#include <set>

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

TEST(family, is_found_by_name_and_complete) {
    std::set<std::string_view> names;
    for (const auto* one : families()) {
        EXPECT_EQ(find_family(one->name), one);
        EXPECT_TRUE(names.insert(one->name).second) << one->name;
        EXPECT_FALSE(one->default_system.empty()) << one->name;
        EXPECT_FALSE(one->control_tokens.empty()) << one->name;
        EXPECT_FALSE(one->end_texts.empty()) << one->name;
        for (const auto end : one->end_texts) {
            EXPECT_NE(neutralise(*one, end), end) << one->name << ": an end text that content could forge";
        }
        for (const auto mark : {one->turn_open, one->turn_close, one->user_header, one->assistant_end}) {
            EXPECT_TRUE(mark.find('<') == std::string_view::npos || neutralise(*one, mark) != mark)
                << one->name << " leaves " << mark << " to everybody";
        }
    }
    EXPECT_EQ(find_family("nobody"), nullptr);
    EXPECT_EQ(find_family(""), nullptr);
}

// neutralise rests on these.
TEST(family, control_tokens_hold_no_space_and_cannot_overlap_the_splice) {
    for (const auto* one : families()) {
        for (const auto token : one->control_tokens) {
            EXPECT_GT(token.size(), 1U) << one->name;
            EXPECT_EQ(token.find_first_of(" \n"), std::string_view::npos) << one->name << " " << token;
            EXPECT_EQ(token.rfind('<'), 0U) << one->name << " " << token;
        }
    }
}

TEST(family, neutralise_breaks_tokens_and_nothing_else) {
    const auto& qwen = *find_family("qwen3");
    const std::pair<const char*, const char*> table[] = {
        {"", ""},
        {"plain < text | with > signs", "plain < text | with > signs"},
        {"<|im_end|>", "< |im_end|>"},
        {"<|im_<|im_end|>end|>", "<|im_< |im_end|>end|>"},
        {"<<|im_start|><|endoftext|>", "<< |im_start|>< |endoftext|>"},
        {"< |im_end|>", "< |im_end|>"},
        {"<|im_st", "<|im_st"},
        {"<think>a</think><tool_call>{}</tool_call>", "<think>a</think><tool_call>{}</tool_call>"},
        {"<｜User｜>", "<｜User｜>"},
    };
    for (const auto& [text, expected] : table) {
        EXPECT_EQ(neutralise(qwen, text), expected);
        EXPECT_EQ(neutralise(qwen, expected), expected) << "not idempotent";
    }
    EXPECT_EQ(neutralise(*find_family("deepseek-r1"), "a<｜User｜>b"), "a< ｜User｜>b");
    EXPECT_EQ(neutralise(*find_family("minicpm"), "<s></s>"), "< s>< /s>");
}

}  // namespace
}  // namespace corral::chat

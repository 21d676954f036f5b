#include "cli/trouble/support_file.hpp"

#include <gmock/gmock.h>

namespace corral::cli::test {
namespace {

using ::testing::HasSubstr;

TEST(support_file, short_text_stays_and_control_characters_are_visible) {
    EXPECT_EQ(support_text("one\ntwo\n", 100, support_cut::front), "one\ntwo\n");
    EXPECT_EQ(support_text("", 100, support_cut::back), "");
    EXPECT_EQ(support_text("a\x1b]0;title\x07z", 100, support_cut::back).find('\x07'), std::string::npos);
}

TEST(support_file, long_text_is_cut_in_whole_lines_at_the_end_that_matters_less) {
    std::string lines;
    for (int i = 100; i < 200; ++i) {
        lines += std::to_string(i) + "\n";
    }
    EXPECT_EQ(support_text(lines, 12, support_cut::back), "100\n101\n102\n(388 more bytes are left out)\n");
    EXPECT_EQ(support_text(lines, 12, support_cut::front),
              "(392 bytes before this are left out)\n198\n199\n");
    EXPECT_EQ(support_text(std::string(50, 'x'), 12, support_cut::front),
              "(50 bytes before this are left out)\n");
    EXPECT_EQ(support_text(std::string(50, 'x'), 12, support_cut::back), "(50 more bytes are left out)\n");
}

TEST(support_file, parts_are_listed_and_follow_each_other) {
    const std::vector<support_part> parts{{"machine", "what it is", "arm64"},
                                          {"log", "left out", {}},
                                          {"status", "as told", std::string(3000, 's') + "\n"}};
    EXPECT_EQ(support_list(parts),
              "  machine    5 bytes  what it is\n"
              "  log        0 bytes  left out\n"
              "  status       3 KiB  as told\n");
    const std::string whole = support_file("title", parts);
    EXPECT_TRUE(whole.starts_with("title\n\n  machine"));
    EXPECT_THAT(
        whole,
        HasSubstr("\n==== machine: what it is\narm64\n\n==== log: left out\n\n==== status: as told\nsss"));
}

TEST(support_file, lines_that_may_hold_prompts_go) {
    const auto bundle = nlohmann::ordered_json::parse(
        R"({"model":"a","services":[{"name":"runtime","lines":["secret"],"state":"broken"},"odd"]})");
    EXPECT_EQ(without_lines(bundle).dump(),
              R"({"model":"a","services":[{"name":"runtime","state":"broken"},"odd"]})");
    EXPECT_EQ(without_lines(nullptr), nlohmann::ordered_json());
    EXPECT_EQ(without_lines({{"services", 5}}).dump(), R"({"services":5})");
}

}  // namespace
}  // namespace corral::cli::test

#include <gtest/gtest.h>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {
namespace {

TEST(duration, is_read_with_its_unit) {
    const std::vector<std::pair<std::string, std::int64_t>> table{
        {"0", 0},           {"0s", 0},       {"250ms", 250},       {"1s", 1000},
        {"1.5s", 1500},     {"2m", 120'000}, {"1h30m", 5'400'000}, {"1m0.5s", 60'500},
        {"24h", 86'400'000}};
    for (const auto& [text, count] : table) {
        const auto span = parse_duration(text);
        ASSERT_TRUE(span) << text;
        EXPECT_EQ(span->count(), count) << text;
    }
}

TEST(duration, without_unit_or_with_a_wrong_one_is_refused) {
    for (const char* text :
         {"", "5", "-1s", "s", "1", "1x", "1 s", "1s ", "1e3s", "nans", "infs", "1sm", "99999999999999h"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(duration, is_written_as_it_is_read) {
    for (const char* text : {"0s", "250ms", "1s", "1m30s", "1h30m", "2h1ms"}) {
        EXPECT_EQ(duration_text(*parse_duration(text)), text);
    }
}

TEST(nearest, finds_a_slip_and_not_another_word) {
    const std::vector<std::string> keys{"listen", "log_level", "max_queue", "models"};
    EXPECT_EQ(nearest("lisen", keys), "listen");
    EXPECT_EQ(nearest("Log_Level", keys), "log_level");
    EXPECT_EQ(nearest("max_que", keys), "max_queue");
    EXPECT_EQ(nearest("temperature", keys), "");
    EXPECT_EQ(nearest(std::string(5000, 'l'), keys), "");
}

TEST(diagnostic, names_file_line_and_column) {
    EXPECT_EQ(to_text({"a.toml", 3, 7, core::reason::unlisted("is wrong")}), "a.toml:3:7: is wrong");
    EXPECT_EQ(to_text({"OLLAMA_HOST", 0, 0, core::reason::unlisted("is wrong")}), "OLLAMA_HOST: is wrong");
}

}  // namespace
}  // namespace corral::catalog

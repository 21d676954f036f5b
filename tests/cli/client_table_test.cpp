#include "cli/connect/client_table.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "corral/core/toml.hpp"

namespace corral::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

box_facts stock(bool key) {
    return {"http://127.0.0.1:11434", "qwen3:4b", 1920, key, true, false, 0};
}

TEST(client_table, every_client_is_told_address_and_model_and_no_place_is_left) {
    for (const client_entry& one : client_table()) {
        for (const bool key : {false, true}) {
            const std::string all =
                fill_in(one.text, stock(key), "FILE") + fill_in(one.steps, stock(key), "FILE");
            EXPECT_THAT(all, HasSubstr("http://127.0.0.1:11434")) << one.name;
            EXPECT_THAT(all, HasSubstr("qwen3:4b")) << one.name;
            for (const char* const left :
                 {"?key", "?open", "{url}", "{model}", "window}", "put}", "{tools}", "{vision}", "{file}"}) {
                EXPECT_THAT(all, Not(HasSubstr(left))) << one.name;
            }
            EXPECT_EQ(key, all.find("KEY}") != std::string::npos ||
                               all.find("API_KEY\"") != std::string::npos ||
                               all.find("YOUR_KEY") != std::string::npos ||
                               all.find("yours of") != std::string::npos ||
                               all.find("The key") != std::string::npos)
                << one.name;
        }
    }
}

TEST(client_table, every_file_is_of_its_format) {
    for (const client_entry& one : client_table()) {
        for (const bool key : {false, true}) {
            const std::string text = fill_in(one.text, stock(key), "FILE");
            if (one.file.ends_with(".json")) {
                EXPECT_TRUE(nlohmann::json::accept(text)) << one.name << text;
            } else if (one.file.ends_with(".toml")) {
                EXPECT_TRUE(std::holds_alternative<toml::table>(core::parse_toml(text, "FILE"))) << one.name;
            } else {
                EXPECT_NE(one.kind, client_file::merged) << one.name << ": only JSON is merged";
            }
        }
    }
}

TEST(client_table, an_answer_leaves_room_for_the_prompt) {
    EXPECT_EQ(output_limit(1920), 480U);
    EXPECT_EQ(output_limit(500), 256U);
    EXPECT_EQ(output_limit(131072), 8192U);
}

// Where the window is longer than any prompt (an AX650 of 4096 positions and prompts of 1024).
TEST(client_table, a_prompt_is_told_no_longer_than_it_may_be) {
    box_facts box{"http://127.0.0.1:11434", "m", 4096, false, true, false, 0};
    EXPECT_EQ(fill_in("{input}\n", box, ""), "3072\n");
    box.prompt = 1024;
    EXPECT_EQ(fill_in("{input} {output} {window}\n", box, ""), "1024 1024 4096\n");
    box.prompt = 4095;
    EXPECT_EQ(fill_in("{input}\n", box, ""), "3072\n");
}

// These leave out, sum up or refuse what is longer than they are told, before Corral can shorten it.
TEST(client_table, who_would_cut_by_the_window_is_told_a_large_one) {
    const box_facts box = stock(false);
    for (const char* const name : {"codex", "opencode", "continue", "cline", "goose", "zed", "librechat"}) {
        const client_entry& one = *find_client(name);
        EXPECT_THAT(fill_in(one.text, box, "") + fill_in(one.steps, box, ""), HasSubstr("32768")) << name;
    }
    EXPECT_THAT(fill_in(find_client("vscode")->text, box, ""),
                HasSubstr("\"maxInputTokens\": 32288,\n        \"maxOutputTokens\": 480\n"));
}

TEST(client_table, words_that_need_quotes_are_no_plain_ones) {
    EXPECT_TRUE(is_plain_word("hf.co/owner/Repo-1_2:Q4@x"));
    for (const char* const word : {"", "a b", "a\"b", "a'b", "$(x)", "a;b", "a\nb", "-x", "a`b`", "{url}"}) {
        EXPECT_FALSE(is_plain_word(word)) << word;
    }
}

TEST(client_table, the_page_has_its_rows) {
    std::ifstream in(std::string(CORRAL_SOURCE_DIR) + "/docs/clients.md");
    const std::string page(std::istreambuf_iterator<char>(in), {});
    EXPECT_THAT(page, HasSubstr(client_rows()));
}

}  // namespace
}  // namespace corral::cli

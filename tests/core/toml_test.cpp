#include "corral/core/toml.hpp"

#include <random>

#include <gtest/gtest.h>

namespace corral::core {
namespace {

const toml_error* error_of(const std::variant<toml::table, toml_error>& parsed) {
    return std::get_if<toml_error>(&parsed);
}

std::string repeated(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

TEST(toml, a_malformed_header_is_an_error_with_its_line) {
    for (const char* text : {"[[[variables]]]", "[.a]", "[[", "[[=]]", "[", "[]", "[[]]", "[=", ".a = 1",
                             "= 1", "a = [.", "a.= 1"}) {
        const auto parsed = parse_toml("name = \"x\"\n\n" + std::string(text) + "\nmore = 1\n", "f.toml");
        ASSERT_NE(error_of(parsed), nullptr) << text;
        EXPECT_GE(error_of(parsed)->line, 3U) << text;
        EXPECT_LE(error_of(parsed)->line, 4U) << text;
        EXPECT_FALSE(error_of(parsed)->message.empty()) << text;
    }
}

TEST(toml, a_key_of_many_parts_is_refused_however_it_is_written) {
    const std::string dotted = "a" + repeated(".a", 200'000);
    const std::string quoted = "\"a\"" + repeated(" . 'a.b'", 200'000);
    for (const std::string& text :
         {dotted + " = 1", "[" + dotted + "]", "[[" + dotted + "]]", "x = {" + dotted + " = 1}",
          quoted + " = 1", "a = '''\n'''\n" + dotted + " = 1\n[", "[\"\\\"\"." + dotted + "]"}) {
        const auto parsed = parse_toml(text, "f.toml");
        ASSERT_NE(error_of(parsed), nullptr);
        EXPECT_EQ(error_of(parsed)->message, "the key has more than 64 parts");
    }
}

TEST(toml, dots_in_texts_comments_and_numbers_are_no_parts) {
    const std::string dots(1000, '.');
    const auto parsed =
        parse_toml("a = \"" + dots + "\" # " + dots + "\nb = '" + dots + "'\nc = \"\"\"\n" + dots +
                       "\"\"\"\nd = '''" + dots + "'''\ne = [1.5, 2.5, " + repeated("1.5, ", 200) + "]\n",
                   "f.toml");
    ASSERT_EQ(error_of(parsed), nullptr) << error_of(parsed)->message;
}

TEST(toml, letters_beyond_ascii_are_for_texts_and_comments) {
    for (const std::string letter : {"\u00E4", "\u0296", "\u0416", "\u4F60", "\U0001F600"}) {
        EXPECT_NE(error_of(parse_toml(letter + " = 1\n", "f.toml")), nullptr) << letter;
        EXPECT_NE(error_of(parse_toml("a = " + letter + "\n", "f.toml")), nullptr) << letter;
        const auto parsed = parse_toml(
            "a = \"\"\"\\\n  " + letter + "\"\"\" # " + letter + "\n\"" + letter + "\" = 1\n", "f.toml");
        ASSERT_EQ(error_of(parsed), nullptr) << letter;
        EXPECT_EQ(std::get<toml::table>(parsed)["a"].value<std::string>(), letter);
    }
}

TEST(toml, deep_values_are_an_error) {
    EXPECT_NE(error_of(parse_toml("x = " + repeated("[", 100'000), "f.toml")), nullptr);
    EXPECT_NE(error_of(parse_toml("x = " + repeated("{a=", 100'000), "f.toml")), nullptr);
}

// Small edits of a text like the shipped configurations: each is read or refused, and ends nothing.
TEST(toml, any_small_edit_is_read_or_refused) {
    const std::string good = R"(listen = "127.0.0.1:11434"
profiles = ["../vendor"]
[[models]]
name = "qwen3:4b"
keep_alive = "5m"
[models.variables]
layers = 36
[models.services.runtime]
command = ["a", 'b', """c"""]
environment = { A = "1", "B.C" = '2' }
when = 2024-01-01T00:00:00Z
)";
    const std::string letters = "[]{}=.,\"'#\n\\ ab10-_\t\x01\xC3";
    std::mt19937 random(7);
    int refused = 0;
    constexpr int rounds = 5000;
    for (int round = 0; round < rounds; ++round) {
        std::string text = good;
        for (auto edits = 1 + random() % 3; edits > 0; --edits) {
            const std::size_t at = random() % text.size();
            const char letter = letters[random() % letters.size()];
            switch (random() % 3) {
                case 0:
                    text[at] = letter;
                    break;
                case 1:
                    text.insert(at, 1 + random() % 3, letter);
                    break;
                default:
                    text.erase(at, 1 + random() % 4);
            }
        }
        refused += error_of(parse_toml(text, "f.toml")) != nullptr ? 1 : 0;
    }
    EXPECT_GT(refused, rounds / 20);
    EXPECT_LT(refused, rounds);
}

}  // namespace
}  // namespace corral::core

#include "engine/streaming/json_scanner.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

struct recorder final : json_listener {
    void on_open(bool object) override { seen += object ? '{' : '['; }
    void on_close() override { seen += '^'; }
    void on_key(std::string_view name) override { seen += std::string(name) + ":"; }
    [[nodiscard]] bool wants_text() const override { return wanted; }
    void on_text(std::string_view text) override { seen += "'" + std::string(text) + "'"; }
    void on_word(std::string_view word) override { seen += "<" + std::string(word) + ">"; }
    std::string seen;
    bool wanted = true;
};

std::string scanned(std::string_view bytes, std::size_t piece, json_bounds bounds = {}) {
    recorder hears;
    json_scanner scanner(hears, bounds);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        if (const auto fed = scanner.feed(bytes.substr(at, piece)); !fed) {
            return "failed: " + fed.error().message;
        }
    }
    return hears.seen + (scanner.between_documents() ? "." : "...");
}

TEST(json_scanner, reads_documents_behind_each_other_however_they_are_cut) {
    const std::string bytes =
        "{\"a\": [1, -2.5e3, true, null, {}], \"b\\n\": \"x\\u00e9\\ud83d\\ude00\\\"\\/y\"}\n\n \r\n"
        "[[], \"\\ud83d z\", \"\\udE00\", \"\xe4\xbd\xa0\"]";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        EXPECT_EQ(scanned(bytes, piece),
                  "{a:[<1><-2.5e3><true><null>{^^b\n:'x\xc3\xa9\xf0\x9f\x98\x80\"/y'^"
                  "[[^'\xef\xbf\xbd z''\xef\xbf\xbd''\xe4\xbd\xa0'^.")
            << piece;
    }
}

TEST(json_scanner, knows_when_a_document_is_open) {
    EXPECT_EQ(scanned("{\"a\":", 1), "{a:...");
    EXPECT_EQ(scanned("{}{", 1), "{^{...");
    EXPECT_EQ(scanned("", 1), ".");
}

TEST(json_scanner, what_is_no_json_is_a_failure_and_never_a_guess) {
    for (const char* bytes :
         {"<html>",    "\"text\"",      "12 ",        "]",    "}",     "{]",    "[}",    "{,}",   "{\"a\"}",
          "{\"a\" 1}", "{\"a\":}",      "{\"a\":1,}", "[1,]", "[1 2]", "[tru]", "[01x]", "[--1]", "[+1]",
          "[\"\\x\"]", "[\"\\u12g4\"]", "[\"a\nb\"]", "[.5]"}) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{100}}) {
            EXPECT_EQ(scanned(bytes, piece).substr(0, 7), "failed:") << bytes;
        }
    }
}

TEST(json_scanner, bounds_depth_texts_documents_gaps_and_the_whole) {
    json_bounds bounds;
    bounds.depth = 3;
    EXPECT_EQ(scanned("[[[]]]", 1, bounds), "[[[^^^.");
    EXPECT_NE(scanned("[[[[", 1, bounds).find("3 levels"), std::string::npos);
    bounds = {};
    bounds.text = 1024;
    EXPECT_NE(scanned("[\"" + std::string(1025, 'x') + "\"]", 10, bounds).find("1 KiB in one piece"),
              std::string::npos);
    bounds = {};
    bounds.document = 2048;
    EXPECT_EQ(
        scanned("[\"" + std::string(2000, 'x') + "\"][\"" + std::string(1000, 'y') + "\"]", 7, bounds).back(),
        '.');
    EXPECT_NE(scanned("[\"" + std::string(2100, 'x'), 7, bounds).find("a document of more"),
              std::string::npos);
    bounds = {};
    bounds.between = 1024;
    EXPECT_NE(scanned("{}" + std::string(1100, ' '), 5, bounds).find("of nothing"), std::string::npos);
    bounds = {};
    bounds.all = 1ULL << 20U;
    EXPECT_NE(scanned(std::string(2'000'000, ' '), 65536, bounds).find("more than 1 MiB"), std::string::npos);
}

TEST(json_scanner, a_word_or_number_has_an_end) {
    EXPECT_EQ(scanned("[" + std::string(100'000, '1'), 1000).substr(0, 7), "failed:");
}

TEST(json_scanner, what_nobody_wants_costs_no_memory) {
    recorder hears;
    hears.wanted = false;
    json_bounds bounds;
    bounds.text = 16;
    json_scanner scanner(hears, bounds);
    ASSERT_TRUE(scanner.feed("[\"" + std::string(100'000, 'x') + "\\u00e9\"]"));
    EXPECT_EQ(hears.seen, "[^");
}

}  // namespace
}  // namespace corral::engine::streaming

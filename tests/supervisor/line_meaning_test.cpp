#include "supervisor/service/line_meaning.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

TEST(line_meaning, reads_progress_bars_and_nothing_else) {
    struct row {
        const char* line;
        std::optional<double> progress;
    };
    const row rows[] = {
        {" 20% | \xE2\x96\x88\xE2\x96\x88    |   1 /   5 [0.02s<0.08s, 62.50 count/s] tokenizer init ok",
         0.2},
        {"100% | ###### |   5 /   5 [", 1.0},
        {"  0%|          | 0/36", 0.0},
        {"loading 42.5%", 0.425},
        {"Loading: 7% [=>   ]", 0.07},
        {"120% |", std::nullopt},
        {"cpu at 3% of the time", std::nullopt},
        {"abc40% |", std::nullopt},
        {"%d,the context may be full", std::nullopt},
        {"1.2.3% |", std::nullopt},
        {"", std::nullopt},
        {"3% of it, then 50% |", 0.5},
    };
    for (const row& each : rows) {
        const auto found = progress_in(each.line);
        ASSERT_EQ(found.has_value(), each.progress.has_value()) << each.line;
        if (found) {
            EXPECT_NEAR(*found, *each.progress, 1e-9) << each.line;
        }
    }
}

TEST(line_meaning, finds_the_first_known_meaning) {
    const std::vector<catalog::log_meaning> known{{"", "never", "", true},
                                                  {"open failed", "a file is missing", "fetch it", true},
                                                  {"failed", "something failed", "", false}};
    ASSERT_NE(meaning_of(known, "[E] embed file(x) open failed"), nullptr);
    EXPECT_EQ(meaning_of(known, "[E] embed file(x) open failed")->cause, "a file is missing");
    EXPECT_EQ(meaning_of(known, "init failed")->cause, "something failed");
    EXPECT_EQ(meaning_of(known, "LLM init ok"), nullptr);
}

TEST(line_meaning, plain_messages_stay_as_they_are) {
    for (const char* line :
         {"free(): invalid pointer", "127.0.0.1 - - [20/Nov/2026 14:00:00] \"POST /encode HTTP/1.1\" 200 -",
          "  what():  [json.exception.type_error.302] type must be array, but is null",
          "terminate called after throwing an instance of 'nlohmann::detail::type_error'",
          "  File \"/opt/qwen3/qwen3_tokenizer_uid.py\", line 30, in encode", "device 0 dead!",
          "it can't go on", "OSError: [Errno 28] No space left on device", ""}) {
        EXPECT_EQ(without_quotations(line), line);
    }
}

TEST(line_meaning, what_an_exception_quotes_is_left_out) {
    const char* const secret = "MARK";
    for (const char* line :
         {"  what():  parse error at line 1: invalid string: missing closing quote; last read: '\"MARK'",
          "syntax error while parsing value - invalid literal; last read: 'MARK",
          "json.decoder.JSONDecodeError: MARK", "ValueError: can't tell MARK from MARK", "KeyError: 'MARK'",
          "cannot encode \"the MARK\" now", "cannot encode 'it's MARK' now",
          "\"POST /encode?text=MARK HTTP/1.1\" 200 -", "cut off in 'the middle of MARK"}) {
        EXPECT_EQ(without_quotations(line).find(secret), std::string::npos) << without_quotations(line);
    }
    EXPECT_EQ(without_quotations("KeyError: 'x'"), "KeyError: (not kept)");
    EXPECT_EQ(without_quotations("parse error; last read: '\"abc'"), "parse error; last read: (not kept)");
    EXPECT_EQ(without_quotations("cannot encode \"x\" now"), "cannot encode (not kept) now");
}

}  // namespace
}  // namespace corral::supervisor

#include "supervisor/service/serving_output.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

TEST(serving_output, plain_messages_stay_as_they_are) {
    for (const char* line :
         {"free(): invalid pointer", "127.0.0.1 - - [20/Nov/2026 14:00:00] \"POST /encode HTTP/1.1\" 200 -",
          "  what():  [json.exception.type_error.302] type must be array, but is null",
          "terminate called after throwing an instance of 'nlohmann::detail::type_error'",
          "  File \"/opt/qwen3/qwen3_tokenizer_uid.py\", line 30, in encode", "device 0 dead!",
          "it can't go on", "OSError: [Errno 28] No space left on device", ""}) {
        EXPECT_EQ(without_quotations(line), line);
    }
}

TEST(serving_output, what_an_exception_quotes_is_left_out) {
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

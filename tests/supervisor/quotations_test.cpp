// No word of a prompt that a program quotes on standard error is kept, on however many lines; its own words are.

#include "supervisor/service/quotations.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

// As the ring would show them; nothing for a line that is left out.
std::string kept_of(quotations& of, const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) {
        const auto kept = of.next(line);
        out += kept ? *kept + "\n" : "";
    }
    return out;
}

std::string kept_of(const std::vector<std::string>& lines) {
    quotations fresh;
    return kept_of(fresh, lines);
}

TEST(quotations, plain_messages_stay_as_they_are) {
    for (const char* line :
         {"free(): invalid pointer", "127.0.0.1 - - [20/Nov/2026 14:00:00] \"POST /encode HTTP/1.1\" 200 -",
          "  what():  [json.exception.type_error.302] type must be array, but is null",
          "terminate called after throwing an instance of 'nlohmann::detail::type_error'",
          "  File \"/opt/qwen3/qwen3_tokenizer_uid.py\", line 30, in encode", "device 0 dead!",
          "it can't go on", "OSError: [Errno 28] No space left on device", ""}) {
        EXPECT_EQ(quotations().next(line), line);
    }
}

TEST(quotations, what_an_exception_quotes_is_left_out) {
    for (const char* line :
         {"  what():  parse error at line 1: invalid string: missing closing quote; last read: '\"MARK'",
          "syntax error while parsing value - invalid literal; last read: 'MARK",
          "json.decoder.JSONDecodeError: MARK", "ValueError: can't tell MARK from MARK", "KeyError: 'MARK'",
          "cannot encode \"the MARK\" now", "cannot encode 'it's MARK' now", "cut off in 'what isn't MARK",
          "\"POST /encode?text=MARK HTTP/1.1\" 200 -", "cut off in 'the middle of MARK",
          "invalid in \"he said \"hello\" to MARK", "in \"one \"two\" and \"MARK"}) {
        const auto kept = quotations().next(line);
        ASSERT_TRUE(kept) << line;
        EXPECT_EQ(kept->find("MARK"), std::string::npos) << *kept;
    }
    EXPECT_EQ(quotations().next("KeyError: 'x'"), "KeyError: (not kept)");
    EXPECT_EQ(quotations().next("parse error; last read: '\"abc'"), "parse error; last read: (not kept)");
    EXPECT_EQ(quotations().next("cannot encode \"x\" now"), "cannot encode (not kept) now");
}

TEST(quotations, what_is_quoted_may_have_many_lines) {
    for (const char* mark : {"\"", "'", "`"}) {
        EXPECT_EQ(kept_of({std::string("invalid UTF-8 in ") + mark + "MARK one", "MARK isn't two",
                           std::string("MARK three") + mark + ", MARK", "device 0 dead!"}),
                  "invalid UTF-8 in (not kept)\ndevice 0 dead!\n")
            << mark;
    }
    EXPECT_EQ(
        kept_of({"in \"he said \"hello\" to MARK", "and \"bye\" MARK", "he \"is MARK", "MARK\"", "dead"}),
        "in (not kept)\ndead\n")
        << "a mark before a word closes nothing";
    EXPECT_EQ(kept_of({"parse error; last read: '\"MARK", "MARK'", "dead"}),
              "parse error; last read: (not kept)\ndead\n");
}

TEST(quotations, words_of_an_exception_end_with_a_line_of_the_program) {
    for (const char* own :
         {"Traceback (most recent call last):", "  File \"x.py\", line 3, in encode", "[I][run][80]: ready",
          "INFO:     ready", "[ERROR] no card", "2026-11-20 14:00:00 ready", "[2026-11-20T14:00:00] ready",
          "14:00:00.123 ready", "127.0.0.1 - - [20/Nov/2026 14:00:00] \"POST /encode HTTP/1.1\" 500 -",
          "During handling of the above exception, another exception occurred:"}) {
        EXPECT_EQ(
            kept_of({"ValueError: cannot encode MARK", "", "MARK's I: \"two\"", "  MARK", own, "plain"}),
            std::string("ValueError: (not kept)\n") + own + "\nplain\n");
        EXPECT_EQ(kept_of({"  what():  cannot encode", "MARK two", own, "plain"}),
                  std::string("  what():  cannot encode\n") + own + "\nplain\n");
        EXPECT_EQ(kept_of({"stray \" mark", "MARK", own}), std::string("stray (not kept)\n") + own + "\n");
    }
    EXPECT_EQ(kept_of({"OSError: [Errno 28] No space left on device", "plain"}),
              "OSError: [Errno 28] No space left on device\nplain\n");
}

TEST(quotations, a_known_line_is_of_the_program_unless_a_request_said_it) {
    const std::vector<catalog::log_meaning> known{{"card died", "The card died.", "", false},
                                                  {"no memory", "Memory is short.", "", false}};
    quotations of({&known, [](std::string_view words) { return words == "card died"; }});
    EXPECT_EQ(kept_of(of, {"ValueError: MARK", "MARK card died", "run: no memory", "plain"}),
              "ValueError: (not kept)\nrun: no memory\nplain\n");
}

TEST(quotations, words_of_a_request_are_left_out_without_a_mark) {
    quotations of({nullptr, {}, [](std::string_view line) { return line.find("MARK"); }});
    EXPECT_EQ(
        kept_of(of, {"GGML_ASSERT(x) failed for \"a\" MARK one", "short", "INFO: MARK", "INFO: own",
                     "in 'MARK", "MARK'", "short", "INFO: own", "plain"}),
        "GGML_ASSERT(x) failed for (not kept) (not kept)\nINFO: own\nin (not kept)\nINFO: own\nplain\n");
    EXPECT_EQ(kept_of(of, {"INFO: 'x MARK' own"}), "INFO: (not kept)\n");
    EXPECT_EQ(kept_of(of, {"  File \"MARK", "short"}), "");
}

TEST(quotations, a_stray_mark_does_not_hide_for_ever) {
    quotations of;
    EXPECT_EQ(of.next("a pipe of 5\""), "a pipe of 5(not kept)");
    const std::string line(1023, 'x');
    for (std::size_t i = 0; i < quotations::most_hidden / 1024; ++i) {
        ASSERT_EQ(of.next(line), std::nullopt);
    }
    EXPECT_EQ(of.next(line), line);
    EXPECT_EQ(of.next("plain"), "plain");
}

}  // namespace
}  // namespace corral::supervisor

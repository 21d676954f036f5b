#include "supervisor/service/output_tap.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace corral::supervisor {
namespace {

using enum process::output_stream;

catalog::log_meaning meaning(std::string pattern, bool fatal) {
    catalog::log_meaning known;
    known.pattern = std::move(pattern);
    known.cause = "cause of " + known.pattern;
    known.fatal_at_start = fatal;
    return known;
}

class output_tap_test : public ::testing::Test {
protected:
    std::string kept() const {
        std::string all;
        for (const std::string& line : ring.lines()) {
            all += line + ";";
        }
        return all;
    }

    const std::vector<catalog::log_meaning> known{meaning("no memory", true), meaning("slow card", false)};
    telemetry::line_ring ring{100, 10'000};
    line_context context = line_context::loading;
    std::string told;
    output_tap tap{{&known, &ring, "m/runtime", false},
                   [this] { return context; },
                   [this](const line_news& news) {
                       told += news.progress ? "progress " : "";
                       told += news.fatal != nullptr ? "fatal " + news.fatal->pattern + " " : "";
                       told += news.remark != nullptr ? "remark " + news.remark->pattern + " " : "";
                   }};
};

TEST_F(output_tap_test, every_line_is_progress_until_a_bar_is_seen) {
    tap.feed(out, "reading\nstill reading\n");
    EXPECT_EQ(told, "progress progress ");
    told.clear();
    tap.feed(err, " 40% |####    | 2 / 5\r");
    EXPECT_EQ(told, "progress ");
    EXPECT_EQ(tap.progress(), 0.4);
    told.clear();
    tap.feed(out, "retrying\n");
    tap.feed(err, " 40% |####    | 2 / 5\r");
    EXPECT_EQ(told, "") << "only the bar counts, and it stands";
}

TEST_F(output_tap_test, a_known_line_while_loading_is_the_complaint_and_a_fatal_one_stays_it) {
    tap.feed(out, "warning: slow card\n");
    ASSERT_NE(tap.complaint(), nullptr);
    EXPECT_EQ(tap.complaint()->pattern, "slow card");
    told.clear();
    tap.feed(out, "no memory left\nslow card\n");
    EXPECT_EQ(told, "progress fatal no memory progress ");
    EXPECT_EQ(tap.complaint()->pattern, "no memory");
}

TEST_F(output_tap_test, counts_routine_lines_and_keeps_the_others) {
    const std::vector<std::string> routine{"HTTP/1.1\" 200"};
    output_tap with_routine{{&known, &ring, "m/tokenizer", false, {}, &routine},
                            [this] { return context; },
                            [](const line_news&) {}};
    with_routine.feed(err,
                      "127.0.0.1 - - [x] \"POST /encode HTTP/1.1\" 200 -\n"
                      "127.0.0.1 - - [x] \"POST /encode HTTP/1.1\" 500 -\n"
                      "127.0.0.1 - - [x] \"GET /bos_id HTTP/1.1\" 200 -\n");
    EXPECT_EQ(kept(), "127.0.0.1 - - [x] \"POST /encode HTTP/1.1\" 500 -;");
    EXPECT_EQ(ring.routine(), 2U);
    with_routine.note_omissions();
    EXPECT_NE(kept().find("2 routine lines were counted"), std::string::npos);
}

TEST_F(output_tap_test, remembers_the_line_that_tells_most_before_the_first_test) {
    tap.feed(out, "loading\n");
    EXPECT_EQ(tap.said(), "");
    tap.feed(err,
             "open failed, go on\nTraceback (most recent call last):\n"
             "  File \"t.py\", line 3, in <module>\nValueError: invalid literal for int()\n"
             "an error after it\n");
    EXPECT_EQ(tap.said(), "ValueError: invalid literal for int()");
    tap.feed(err, "main: no memory for layer 3\n");
    EXPECT_EQ(tap.said(), "main: no memory for layer 3") << "what the profile knows counts";
    tap.first_test_begins();
    context = line_context::serving;
    tap.feed(err, "OSError: the words of a prompt\n");
    EXPECT_EQ(tap.said(), "main: no memory for layer 3");
}

TEST_F(output_tap_test, a_serving_process_keeps_no_line_that_may_echo_a_prompt) {
    tap.first_test_begins();
    context = line_context::serving;
    tap.feed(out, "the prompt\n");
    tap.feed(err, "error near 'the prompt'\n");
    tap.note_omissions();
    EXPECT_EQ(kept().find("the prompt"), std::string::npos) << kept();
    EXPECT_NE(kept().find("1 lines were not kept"), std::string::npos) << kept();
}

TEST_F(output_tap_test, a_quotation_of_many_lines_is_counted_and_not_kept) {
    tap.feed(err, "before the \" test\nplain\n");
    tap.first_test_begins();
    context = line_context::serving;
    tap.feed(err, "ValueError: cannot encode the prompt\nthe prompt\nthe prompt\nrun: no memory\nplain\n");
    tap.note_omissions();
    EXPECT_EQ(kept(),
              "before the \" test;plain;ValueError: (not kept);run: no memory;plain;[corral] 2 lines were "
              "not kept: they may "
              "hold prompts and answers;");
}

TEST_F(output_tap_test, a_remark_is_told_once_a_meaning_and_cannot_fill_the_history) {
    tap.first_test_begins();
    context = line_context::serving;
    tap.feed(out, "no memory\nno memory\n");
    EXPECT_EQ(told, "remark no memory ");
    EXPECT_EQ(tap.remark()->pattern, "no memory");
    told.clear();
    for (int i = 0; i < 20; ++i) {
        tap.feed(out, "slow card\nno memory\n");
    }
    EXPECT_EQ(told,
              "remark slow card remark no memory remark slow card remark no memory remark slow card "
              "remark no memory remark slow card ");
}

TEST_F(output_tap_test, a_remark_is_forgotten_behind_good_answers) {
    tap.first_test_begins();
    context = line_context::serving;
    for (const char* line : {"no memory\n", "slow card\n"}) {
        tap.feed(out, line);
        tap.note_good_answer();
        EXPECT_NE(tap.remark(), nullptr) << "it may be of this very answer";
        tap.note_good_answer();
        EXPECT_EQ(tap.remark(), nullptr);
    }
}

TEST_F(output_tap_test, the_words_of_a_request_are_no_finding) {
    const std::vector<catalog::log_meaning> known{{"card died", "The card died.", "", false},
                                                  {"no memory", "Memory is short.", "", false}};
    std::string heard;
    telemetry::line_ring lines(10, 1000);
    output_tap::settings with{&known, &lines, "m/runtime"};
    with.quoted = [](std::string_view words) { return words == "card died"; };
    output_tap serving(
        with, [] { return line_context::serving; },
        [&](const line_news& news) { heard += news.remark != nullptr ? news.remark->cause : ""; });
    serving.first_test_begins();
    serving.feed(out, "[E][run][80]: card died\n");
    EXPECT_EQ(heard, "");
    EXPECT_EQ(serving.remark(), nullptr) << "nor is its end explained by it";
    serving.feed(out, "card died: no memory\n");
    EXPECT_EQ(heard, "Memory is short.");
}

TEST_F(output_tap_test, one_that_is_being_ended_says_so_and_that_means_nothing) {
    context = line_context::over;
    tap.feed(out, "no memory\n 50% |##\r");
    EXPECT_EQ(told, "");
    EXPECT_EQ(tap.complaint(), nullptr);
    EXPECT_EQ(kept(), "no memory;");
}

}  // namespace
}  // namespace corral::supervisor

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
        {R"(FTLLM_PROGRESS {"type":"startup.progress","stage":"weights_load","percent":37.2,"current":9})",
         0.372},
        {R"(FTLLM_PROGRESS {"type":"startup.ready","stage":"ready","percent":100.0})", 1.0},
        {R"(FTLLM_PROGRESS {"type":"startup.progress","percent":null})", std::nullopt},
        {R"({"percent":50})", std::nullopt},
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

}  // namespace

// Lines of programs whose processes or threads the system refuses, and their neighbours.

namespace {

TEST(telling_line, names_refused_tasks_in_the_words_of_shells_and_libraries) {
    for (const char* const line :
         {"run.sh: 7: Cannot fork", "bash: fork: retry: Resource temporarily unavailable",
          "/bin/sh: fork: Resource temporarily unavailable", "RuntimeError: can't start new thread",
          "BlockingIOError: [Errno 11] Resource temporarily unavailable: fork failed",
          "OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 8: Resource temporarily "
          "unavailable",
          "  what():  Resource temporarily unavailable", "sh: can't fork: Resource temporarily unavailable",
          "libgomp: Thread creation failed: Resource temporarily unavailable"}) {
        EXPECT_TRUE(names_refused_task(line)) << line;
        telling_line told;
        told.hear(line);
        EXPECT_NE(told.line(), "") << line << " is not kept";
    }
}

TEST(telling_line, takes_nothing_else_for_a_refused_task) {
    for (const char* const line :
         {"recv: Resource temporarily unavailable", "RuntimeError: can't start", "fork me on a hub",
          "4 threads", "thread 3: error: no such file", "what():  std::bad_alloc", ""}) {
        EXPECT_FALSE(names_refused_task(line)) << line;
    }
}

}  // namespace

}  // namespace corral::supervisor

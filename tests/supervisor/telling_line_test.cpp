// Lines of programs whose processes or threads the system refuses, and their neighbours.

#include "supervisor/service/telling_line.hpp"

#include <gtest/gtest.h>

namespace corral::supervisor {
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

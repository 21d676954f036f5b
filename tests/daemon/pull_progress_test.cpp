#include "daemon/pull_progress.hpp"

#include <gmock/gmock.h>

namespace corral::daemon {
namespace {

using core::milliseconds;

class pull_progress_test : public testing::Test {
protected:
    std::vector<std::string> told(bool over = false) {
        std::vector<std::string> out;
        for (auto step = progress.next(who, now, over); step.line; step = progress.next(who, now, over)) {
            out.push_back(*step.line);
        }
        return out;
    }
    static std::string figures(int completed) {
        return R"({"status":"pulling aa","digest":"sha256:aa","total":9,"completed":)" +
               std::to_string(completed) + "}";
    }
    pull_progress progress;
    pull_progress::place who;
    core::steady_time now{core::seconds{1000}};
};

TEST_F(pull_progress_test, tells_each_status_once_and_in_order) {
    progress.add(R"({"status":"pulling manifest"})");
    progress.add(figures(1));
    EXPECT_THAT(told(), testing::ElementsAre(R"({"status":"pulling manifest"})", figures(1)));
    EXPECT_THAT(told(), testing::IsEmpty());
    progress.add(R"({"status":"verifying sha256 digest"})");
    progress.add(R"({"status":"success"})");
    EXPECT_THAT(told(), testing::ElementsAre(R"({"status":"verifying sha256 digest"})"));
    EXPECT_TRUE(progress.succeeded());
}

TEST_F(pull_progress_test, tells_figures_a_few_times_a_second_and_the_last_ones_always) {
    progress.add(figures(1));
    EXPECT_THAT(told(), testing::ElementsAre(figures(1)));
    progress.add(figures(2));
    EXPECT_THAT(told(), testing::IsEmpty());
    EXPECT_EQ(progress.next(who, now, false).again, now + milliseconds(250));
    now += milliseconds(250);
    EXPECT_THAT(told(), testing::ElementsAre(figures(2)));
    progress.add(figures(8));
    progress.add(figures(9));
    progress.add(R"({"status":"verifying sha256 digest"})");
    EXPECT_THAT(told(), testing::ElementsAre(figures(9), R"({"status":"verifying sha256 digest"})"));
}

TEST_F(pull_progress_test, of_one_who_comes_late_begins_with_the_last_figures_of_each_status) {
    progress.add(R"({"status":"pulling manifest"})");
    for (int i = 0; i < 100; ++i) {
        progress.add(figures(i));
    }
    EXPECT_THAT(told(), testing::ElementsAre(R"({"status":"pulling manifest"})", figures(99)));
    progress.add(figures(100));
    EXPECT_THAT(told(true), testing::ElementsAre(figures(100))) << "at the end nobody waits";
}

TEST_F(pull_progress_test, passes_over_what_is_no_line_of_it_and_keeps_the_error) {
    for (const char* line : {"", "hello", "[1]", "{}", R"({"status":1})", R"({"status":""})"}) {
        progress.add(line);
    }
    progress.add(std::string(5000, 'x'));
    progress.add(R"({"error":"the hub is away"})");
    EXPECT_THAT(told(), testing::IsEmpty());
    EXPECT_EQ(progress.error(), "the hub is away");
    EXPECT_FALSE(progress.succeeded());
}

TEST_F(pull_progress_test, is_bounded) {
    for (int i = 0; i < 5000; ++i) {
        progress.add(R"({"status":"pulling )" + std::to_string(i) + "\"}");
    }
    const auto all = told();
    EXPECT_EQ(all.size(), 1000U);
    EXPECT_EQ(all.back(), R"({"status":"pulling 4999"})");
}

}  // namespace
}  // namespace corral::daemon

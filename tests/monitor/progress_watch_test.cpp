#include "corral/monitor/progress_watch.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace corral::monitor {
namespace {

using core::milliseconds;
using core::seconds;

struct moment {
    seconds at;
    work_view seen;
    std::string stuck;  // what is said; "" while all is well
};

std::string play(const std::vector<moment>& moments) {
    progress_watch watch(progress_watch_options{milliseconds{30'000}, milliseconds{300'000}});
    const core::steady_time begin{seconds{1000}};
    for (const moment& each : moments) {
        const std::string said = watch.stuck(each.seen, begin + each.at).value_or("");
        if (said != each.stuck) {
            return "after " + std::to_string(each.at.count()) + " s: '" + said + "'";
        }
    }
    return "";
}

TEST(progress_watch, an_idle_box_is_well_for_ever) {
    EXPECT_EQ(play({{seconds{0}, {0, 0, {}}, ""}, {seconds{100'000}, {0, 0, {}}, ""}}), "");
}

TEST(progress_watch, a_long_answer_within_its_deadline_is_well) {
    EXPECT_EQ(play({{seconds{0}, {1, 0, {}}, ""}, {seconds{1700}, {1, 0, {}}, ""}}), "");
}

TEST(progress_watch, a_request_far_beyond_its_deadline_is_not) {
    EXPECT_EQ(play({{seconds{0}, {1, 0, seconds{10}}, ""},
                    {seconds{290}, {1, 0, seconds{300}}, ""},
                    {seconds{291}, {1, 0, seconds{301}}, "a request runs 301 s past its deadline"},
                    {seconds{292}, {2, 0, {}}, ""}}),
              "");
}

TEST(progress_watch, requests_before_a_free_backend_must_be_granted) {
    EXPECT_EQ(
        play({{seconds{0}, {5, 2, {}}, ""},
              {seconds{29}, {5, 2, {}}, ""},
              {seconds{30}, {5, 2, {}}, "2 requests have waited 30 s for a runtime that is ready and free"},
              {seconds{31}, {6, 1, {}}, ""}}),
        "")
        << "a grant begins the time anew";
}

TEST(progress_watch, neglect_that_ends_by_itself_is_forgotten) {
    EXPECT_EQ(play({{seconds{0}, {5, 1, {}}, ""},
                    {seconds{20}, {5, 0, {}}, ""},
                    {seconds{40}, {5, 1, {}}, ""},
                    {seconds{69}, {5, 1, {}}, ""}}),
              "");
}

}  // namespace
}  // namespace corral::monitor

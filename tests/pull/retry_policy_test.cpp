#include "pull/retry_policy.hpp"

#include <gtest/gtest.h>

namespace corral::pull {
namespace {

using core::milliseconds;
using core::seconds;

class retries : public testing::Test {
protected:
    std::optional<milliseconds> next(bad_end end) { return next_attempt(state_, end, random_); }
    retry_state state_;
    core::seeded_random random_{1};
};

TEST_F(retries, wait_longer_and_longer_and_end) {
    milliseconds before{0};
    for (int i = 0; i < 7; ++i) {
        const auto wait = next({trouble::cut, 0, {}, false});
        ASSERT_TRUE(wait);
        EXPECT_GT(*wait, before / 2);
        EXPECT_LE(*wait, seconds{120});
        before = *wait;
    }
    EXPECT_FALSE(next({trouble::cut, 0, {}, false}));
}

TEST_F(retries, begin_anew_when_bytes_came) {
    for (int i = 0; i < 50; ++i) {
        const auto wait = next({trouble::cut, 0, {}, true});
        ASSERT_TRUE(wait);
        EXPECT_LE(*wait, milliseconds{500});
    }
}

TEST_F(retries, are_not_made_where_they_change_nothing) {
    for (const unsigned status : {400U, 401U, 403U, 404U, 410U, 501U}) {
        EXPECT_FALSE(next({trouble::status, status, {}, false})) << status;
    }
    for (const unsigned status : {408U, 429U, 500U, 502U, 503U}) {
        EXPECT_TRUE(next({trouble::status, status, {}, true})) << status;
    }
}

TEST_F(retries, keep_to_what_the_server_says_within_bounds) {
    EXPECT_EQ(next({trouble::status, 503, seconds{30}, false}), seconds{30});
    EXPECT_EQ(next({trouble::status, 503, seconds{86400}, false}), seconds{120});
    EXPECT_GT(next({trouble::status, 503, seconds{0}, false}), milliseconds{0});
}

TEST_F(retries, a_file_that_is_another_is_fetched_once_more) {
    EXPECT_TRUE(next({trouble::wrong_hash, 0, {}, false}));
    EXPECT_FALSE(next({trouble::wrong_hash, 0, {}, false}));
}

TEST(refusals, say_what_to_do) {
    const auto said = [](unsigned status, const char* code, bool token) {
        return refusal(status, code, "'o/r'", token).message.text();
    };
    EXPECT_EQ(said(401, "", false),
              "the source refuses 'o/r' (401): it is not there, or not for everybody; see the name, and for "
              "a model that asks for "
              "consent put a token into 'token_file' of [pull]");
    EXPECT_NE(said(403, "GatedRepo", true).find("consent"), std::string::npos);
    EXPECT_NE(said(403, "", true).find("the token does not open it"), std::string::npos);
    EXPECT_NE(said(404, "RevisionNotFound", true).find("branch, tag or commit"), std::string::npos);
}

}  // namespace
}  // namespace corral::pull

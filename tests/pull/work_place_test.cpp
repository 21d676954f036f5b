#include "pull/work_place.hpp"

#include <gtest/gtest.h>

namespace corral::pull {
namespace {

TEST(journals, come_back_as_they_were) {
    const journal one{"hf.co/o/r", "abc", {{"00ff", "\"e\""}, {"11", "W/\"x\""}}};
    EXPECT_EQ(parse_journal(journal_text(one)), one);
}

TEST(journals, that_are_none_are_empty) {
    for (const char* const bad :
         {"", "[]", "{}", R"({"version":2,"source":"x"})", R"({"version":1)", "\0\0\0"}) {
        EXPECT_EQ(parse_journal(bad), journal{}) << bad;
    }
}

TEST(journals, give_nothing_into_a_request_that_is_no_etag) {
    EXPECT_TRUE(parse_journal(R"({"version":1,"etags":{"00":"a\r\nX: y","../x":"\"e\"","11":5,"22":""}})")
                    .etags.empty());
}

}  // namespace
}  // namespace corral::pull

#include "engine/streaming/cache_salts.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

TEST(cache_salts, an_owner_has_one_that_is_nobody_elses) {
    const cache_salts salts;
    EXPECT_EQ(salts.of("ann").size(), 64U);
    EXPECT_EQ(salts.of("ann"), salts.of("ann"));
    EXPECT_NE(salts.of("ann"), salts.of("ben"));
    EXPECT_EQ(salts.of(""), "");
}

TEST(cache_salts, another_process_has_others) {
    EXPECT_NE(cache_salts().of("ann"), cache_salts().of("ann"));
}

TEST(cache_salts, one_that_is_used_once_is_shared_by_nothing) {
    cache_salts salts;
    const auto first = salts.once();
    EXPECT_NE(first, salts.once());
    EXPECT_NE(first, salts.of("1"));
}

}  // namespace
}  // namespace corral::engine::streaming

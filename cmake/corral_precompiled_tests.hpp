#pragma once
// What the unit tests include too.

#include "corral_precompiled.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#ifdef __clang__
inline void corral_precompiled_expectations(const nlohmann::json& json,
                                            const std::vector<std::string>& list) {
    EXPECT_EQ(json, 1);
    EXPECT_EQ(json, "text");
    EXPECT_GT(json, 1);
    EXPECT_EQ(list.front(), "text");
    EXPECT_THAT(list.front(), testing::HasSubstr("text"));
    EXPECT_THAT(list, testing::ElementsAre("text"));
}
#endif

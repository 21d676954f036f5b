#include "corral/core/state_format.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace corral::core {
namespace {

using nlohmann::json;

TEST(state_format, a_number_beyond_the_known_one_is_newer) {
    EXPECT_TRUE(is_newer_format(json{{"format", 2}}, "format", 1));
    EXPECT_FALSE(is_newer_format(json{{"format", 1}}, "format", 1));
    EXPECT_FALSE(is_newer_format(json{{"format", 0}}, "format", 1));
    EXPECT_FALSE(is_newer_format(json{{"other", 2}}, "format", 1)) << "from before there was a number";
    EXPECT_FALSE(is_newer_format(json{{"format", "2"}}, "format", 1));
    EXPECT_FALSE(is_newer_format(json::array({2}), "format", 1));
    EXPECT_FALSE(is_newer_format(json(), "format", 1));
}

TEST(state_format, of_a_file_that_is_none_nothing_is_said) {
    char name[] = "/tmp/corral_format_XXXXXX";
    const std::filesystem::path folder = ::mkdtemp(name);
    EXPECT_FALSE(is_newer_format(folder / "none", "format", 1));
    std::ofstream(folder / "damaged") << "{\"format\": 2";
    EXPECT_FALSE(is_newer_format(folder / "damaged", "format", 1));
    std::ofstream(folder / "newer") << "{\"format\": 2}";
    EXPECT_TRUE(is_newer_format(folder / "newer", "format", 1));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace corral::core

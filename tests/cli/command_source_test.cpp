#include "cli/base/command_source.hpp"

#include <gtest/gtest.h>

namespace corral::cli {
namespace {

TEST(command_source, a_file_that_was_named_must_be_there) {
    const std::map<std::string, std::string> plain{{"HOME", "/nowhere"}};
    auto in_environment = plain;
    in_environment["CORRAL_CONFIG"] = "/nowhere/else.toml";
    EXPECT_TRUE(source_of(std::nullopt, plain).file_may_be_missing);
    EXPECT_FALSE(source_of("/nowhere/else.toml", plain).file_may_be_missing);
    EXPECT_FALSE(source_of(std::nullopt, in_environment).file_may_be_missing);
    EXPECT_FALSE(source_of("/nowhere/else.toml", in_environment).file_may_be_missing);
    // Whoever names the usual one means to have it: keys stand in it.
    const std::string usual = source_of(std::nullopt, plain).file.string();
    EXPECT_FALSE(source_of(usual, plain).file_may_be_missing);
}

}  // namespace
}  // namespace corral::cli

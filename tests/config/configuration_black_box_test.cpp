#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"
#include "corral/config/server_places.hpp"

namespace corral::config {
namespace {

using configured_black_box = configuration_file;

TEST_F(configured_black_box, keeps_twenty_bundles_unless_told_otherwise) {
    const auto usual = load(model_text).value;
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->black_box.keep, 20U);
    EXPECT_EQ(usual->black_box.size_mb, 16U);
    const auto other = load("[black_box]\nkeep = 0\nsize_mb = 3\n" + model_text).value;
    ASSERT_TRUE(other);
    EXPECT_EQ(other->black_box.keep, 0U);
    EXPECT_EQ(other->black_box.size_mb, 3U);
}

TEST_F(configured_black_box, mistakes_are_named) {
    EXPECT_EQ(complaints("[black_box]\nkep = 3\nsize_mb = 0\n" + model_text),
              "c.toml:2:1: unknown key 'kep' in [black_box]; did you mean 'keep'?\n"
              "c.toml:3:11: 'size_mb' must be between 1 and 4096, not 0\n");
}

TEST_F(configured_black_box, reports_go_nowhere_unless_the_file_says_so) {
    EXPECT_EQ(load(model_text).value->report.to, "");
    const auto said =
        load("[report]\nto = \"https://maker.example/boxes/\"\nkey_file = \"key\"\n" + model_text).value;
    ASSERT_TRUE(said);
    EXPECT_EQ(said->report.to, "https://maker.example/boxes");
    EXPECT_EQ(said->report.key_file, folder_.path() / "key");
    EXPECT_EQ(load("[report]\nto = \"http://127.0.0.1:8080\"\n" + model_text).value->report.to,
              "http://127.0.0.1:8080");
    for (const std::string bad :
         {"http://maker.example", "http://127.0.0.1.maker.example/x", "maker.example", "ftp://x"}) {
        EXPECT_EQ(complaints("[report]\nto = \"" + bad + "\"\n" + model_text),
                  "c.toml:2:6: '" + bad + "' is no address for reports; write https://HOST/PATH\n");
    }
}

TEST_F(configured_black_box, the_state_directory_is_found_in_a_file_that_is_not_good_otherwise) {
    folder_.write("c.toml", "state_directory = \"state\"\nlisten = 3\n");
    EXPECT_EQ(configured_state_directory(source_.file), folder_.path() / "state");
    folder_.write("c.toml", "listen = 3\n");
    EXPECT_FALSE(configured_state_directory(source_.file));
    EXPECT_FALSE(configured_state_directory(folder_.path() / "none.toml"));
}

}  // namespace
}  // namespace corral::config

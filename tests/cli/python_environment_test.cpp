#include "cli/packages/import_plan.hpp"

#include <gmock/gmock.h>

namespace corral::cli {
namespace {

using ::testing::HasSubstr;

TEST(python_environment, a_failure_is_told_by_its_own_last_error) {
    EXPECT_EQ(telling_line("Collecting x\nERROR: no space\nWARNING: there is a newer pip\n"),
              "ERROR: no space");
    EXPECT_EQ(telling_line("one\ntwo\n \n"), "two");
    EXPECT_EQ(telling_line(""), "");
}

TEST(python_environment, a_box_without_a_network_is_told_from_other_failures) {
    EXPECT_TRUE(is_offline("ERROR: No matching distribution found for transformers"));
    EXPECT_FALSE(is_offline("ERROR: No space left on device"));
}

TEST(python_environment, is_made_for_the_box_where_the_configuration_is) {
    EXPECT_EQ(environment_folder("/etc/corral/python"), "/opt/corral-python");
    EXPECT_EQ(environment_folder("/home/anna/.config/corral/python"), "/home/anna/.config/corral/python");
}

TEST(python_environment, a_program_that_is_not_there_is_a_sentence) {
    package::repair wanted;
    wanted.python = "/nonexistent/python3";
    wanted.install = {"transformers"};
    const auto done = install_modules(wanted, "/nonexistent/folder");
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("sudo apt install python3-venv"));
}

}  // namespace
}  // namespace corral::cli

#include "corral/config/configuration_place.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"

namespace corral::config {
namespace {

namespace fs = std::filesystem;
using tests::temporary_folder;

TEST(configuration_place, is_what_the_command_line_says_before_the_environment) {
    const temporary_folder root;
    const auto said = find_configuration("/a/b.toml", {{"CORRAL_CONFIG", "/c/d.toml"}}, root.path());
    EXPECT_EQ(said.file, "/a/b.toml");
    EXPECT_EQ(said.models, "/a/models.d");
    EXPECT_TRUE(said.named);
    EXPECT_FALSE(said.there);
    const auto environment = find_configuration(std::nullopt, {{"CORRAL_CONFIG", "/c/d.toml"}}, root.path());
    EXPECT_EQ(environment.file, "/c/d.toml");
    EXPECT_TRUE(environment.named);
}

TEST(configuration_place, is_the_systems_where_it_has_one) {
    const temporary_folder root;
    root.write("etc/corral/corral.toml", "models_directory = \"models\"\n");
    root.write("home/.config/corral/corral.toml", "");
    const std::map<std::string, std::string> environment{{"HOME", root.path() / "home"}};
    const auto found = find_configuration(std::nullopt, environment, root.path());
    EXPECT_EQ(found.file, root.path() / "etc/corral/corral.toml");
    EXPECT_EQ(found.models, root.path() / "etc/corral/models");
    EXPECT_TRUE(found.there);
    EXPECT_FALSE(found.named);
}

TEST(configuration_place, is_else_the_users_own) {
    const temporary_folder root;
    root.write("home/.config/corral/corral.toml", "");
    const auto found = find_configuration(std::nullopt, {{"HOME", root.path() / "home"}}, root.path());
    EXPECT_EQ(found.file, root.path() / "home/.config/corral/corral.toml");
    EXPECT_EQ(found.models, root.path() / "home/.config/corral/models.d");
}

TEST(configuration_place, is_where_one_would_be_made_when_there_is_none) {
    const temporary_folder root;
    const std::map<std::string, std::string> environment{{"HOME", "/home/anna"},
                                                         {"XDG_CONFIG_HOME", "/home/anna/settings"}};
    const auto found = find_configuration(std::nullopt, environment, root.path());
    EXPECT_EQ(found.file, ::geteuid() == 0 ? root.path() / "etc/corral/corral.toml"
                                           : fs::path("/home/anna/settings/corral/corral.toml"));
    EXPECT_FALSE(found.there);
}

}  // namespace
}  // namespace corral::config

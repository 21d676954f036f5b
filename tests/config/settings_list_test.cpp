#include "corral/config/settings_list.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace corral::config {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class settings : public ::testing::Test {
protected:
    settings() {
        std::string name = (fs::temp_directory_path() / "corral-settings-XXXXXX").string();
        folder = ::mkdtemp(name.data());
        fs::create_directory(folder / "models.d");
    }
    ~settings() override { fs::remove_all(folder); }
    void put(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }
    [[nodiscard]] std::vector<setting> list() const {
        return list_settings(folder / "corral.toml", folder / "models.d");
    }
    fs::path folder;
};

TEST_F(settings, have_the_line_that_sets_them) {
    put("corral.toml",
        "listen = \"127.0.0.1:1\"\n\n[access]\ntoken = \"hunter2\"\n[[models]]\nname = \"a\"\n");
    put("models.d/b.toml", "# a word\nname = \"b\"\n");
    const auto all = list();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].key, "listen");
    EXPECT_THAT(all[0].value, HasSubstr("127.0.0.1:1"));
    EXPECT_EQ(all[0].line, 1U);
    EXPECT_EQ(all[1].key, "access.token");
    EXPECT_EQ(all[1].line, 4U);
    EXPECT_EQ(all[2].key, "models[0].name");
    EXPECT_EQ(all[3].line, 2U);
    for (const setting& one : all) {
        EXPECT_EQ(one.value.find("hunter2"), std::string::npos) << one.key;
    }
}

TEST_F(settings, of_a_file_that_is_no_toml_are_its_mistake) {
    put("corral.toml", "listen = = 1\n");
    const auto all = list();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].key, "");
    EXPECT_THAT(all[0].value, HasSubstr("corral.toml:1"));
}

}  // namespace
}  // namespace corral::config

#include "corral/config/settings_list.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

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
        configuration_source from;
        from.file = folder / "corral.toml";
        from.file_may_be_missing = true;
        from.environment = environment;
        return list_settings(from, folder / "models.d");
    }
    [[nodiscard]] std::vector<setting> set() const {
        auto all = list();
        std::erase_if(all, [](const setting& one) { return one.origin != setting_origin::file; });
        return all;
    }
    [[nodiscard]] std::string of(const std::string& key) const {
        std::string out;
        for (const setting& one : list()) {
            if (one.key == key) {
                out += (out.empty() ? "" : " | ") + one.value + " by " +
                       std::to_string(static_cast<int>(one.origin)) + " line " + std::to_string(one.line);
            }
        }
        return out;
    }
    std::map<std::string, std::string> environment;
    fs::path folder;
};

TEST_F(settings, have_the_line_that_sets_them) {
    put("corral.toml",
        "listen = \"127.0.0.1:1\"\n\n[access]\ntoken = \"hunter2\"\n[[models]]\nname = \"a\"\n");
    put("models.d/b.toml", "# a word\nname = \"b\"\n");
    const auto all = set();
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

TEST_F(settings, that_no_file_says_have_their_default_or_the_environments) {
    put("corral.toml", "max_queue = 7\n[pull]\nquota = \"1GB\"\n");
    put("models.d/b.toml", "name = \"b\"\npinned = true\n");
    environment["OLLAMA_HOST"] = "127.0.0.1:4321";
    EXPECT_EQ(of("max_queue"), "7 by 0 line 1");
    EXPECT_EQ(of("listen"), "'127.0.0.1:4321' by 1 line 0");
    EXPECT_EQ(of("allow_unauthenticated"), "false by 2 line 0");
    EXPECT_EQ(of("pull.quota"), "'1GB' by 0 line 3");
    EXPECT_EQ(of("pull.directory"), "'/srv/models' by 2 line 0");
    EXPECT_EQ(of("pull.from_clients"), "false by 2 line 0");
    EXPECT_EQ(of("pinned"), "true by 0 line 2");
    EXPECT_EQ(of("preload"), "true by 2 line 0");
    // Of a table that the file does not have.
    EXPECT_THAT(of("http.max_connections"), HasSubstr(" by 2 line 0"));
    EXPECT_THAT(of("swap.overtakes"), HasSubstr(" by 2 line 0"));
    std::set<std::string> seen;
    for (const setting& one : list()) {
        EXPECT_TRUE(seen.insert(one.file + " " + one.key).second) << one.key;
    }
    EXPECT_GT(seen.size(), 60U);
}

TEST_F(settings, are_told_by_what_counts_where_their_form_in_the_file_is_another) {
    put("corral.toml", "");
    EXPECT_EQ(of("log_level"), "'info' by 2 line 0");
    EXPECT_EQ(of("keep_alive"), "'forever' by 2 line 0");
    EXPECT_EQ(of("pull.endpoint"), "'https://huggingface.co' by 2 line 0");
    EXPECT_EQ(of("pull.speed_limit"), "'0' by 2 line 0");
    EXPECT_EQ(of("pull.quota"), "'0' by 2 line 0");
    environment = {
        {"OLLAMA_DEBUG", "1"}, {"OLLAMA_KEEP_ALIVE", "300"}, {"HF_ENDPOINT", "https://hub.example/"}};
    EXPECT_EQ(of("log_level"), "'debug' by 1 line 0");
    EXPECT_EQ(of("keep_alive"), "'5m' by 1 line 0");
    EXPECT_EQ(of("pull.endpoint"), "'https://hub.example' by 1 line 0");
}

TEST_F(settings, of_a_file_without_a_word_are_all_defaults) {
    put("corral.toml", "");
    EXPECT_TRUE(set().empty());
    EXPECT_NE(of("max_queue"), "");
}

TEST_F(settings, of_a_usual_file_that_nobody_wrote_are_all_defaults) {
    EXPECT_TRUE(set().empty());
    EXPECT_NE(of("max_queue"), "");
    EXPECT_EQ(of(""), "") << "no row says that it can't be read";
}

}  // namespace
}  // namespace corral::config

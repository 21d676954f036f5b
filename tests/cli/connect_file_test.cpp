#include "cli/connect/connect_file.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corral::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class connect_file : public testing::Test {
protected:
    connect_file() {
        char name[] = "/tmp/corral_connect_XXXXXX";
        home_ = ::mkdtemp(name);
        environment_ = {{"HOME", home_.string()}};
    }
    ~connect_file() override { fs::remove_all(home_); }

    void put(const fs::path& file, const std::string& text) const {
        fs::create_directories((home_ / file).parent_path());
        std::ofstream(home_ / file, std::ios::binary) << text;
    }
    std::string get(const fs::path& file) const {
        std::ifstream in(home_ / file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    // Why not; empty: done.
    std::string write(const char* name, const std::string& model = "qwen3:4b") const {
        const client_entry& client = *find_client(name);
        const box_facts box{"http://127.0.0.1:11434", model, 1920, false, true, false};
        const auto plan = plan_client_file(client, fill_in(client.text, box, "FILE"), environment_);
        if (!plan) {
            return std::string(plan.error().message.text());
        }
        const auto done = write_client_file(*plan);
        return done ? "" : std::string(done.error().message.text());
    }
    std::string undo(const char* name) const {
        const auto done = undo_client_file(*find_client(name), environment_);
        return done ? "" : std::string(done.error().message.text());
    }

    fs::path home_;
    std::map<std::string, std::string> environment_;
};

TEST_F(connect_file, each_is_taken_back_to_an_empty_home) {
    for (const client_entry& one : client_table()) {
        if (one.kind != client_file::none) {
            EXPECT_EQ(write(one.name.data()), "") << one.name;
            EXPECT_TRUE(fs::exists(home_ / one.folder / one.file)) << one.name;
            EXPECT_EQ(undo(one.name.data()), "") << one.name;
            EXPECT_FALSE(fs::exists(home_ / one.folder / one.file)) << one.name;
            EXPECT_TRUE(one.folder.empty() || !fs::exists(home_ / one.folder)) << one.name;
            EXPECT_THAT(undo(one.name.data()), HasSubstr("nothing to undo")) << one.name;
        }
    }
}

TEST_F(connect_file, each_keeps_what_stands_there_and_is_taken_back_to_the_byte) {
    for (const client_entry& one : client_table()) {
        if (one.kind == client_file::merged) {
            const bool list = one.text.starts_with('[');
            const std::string mine = list ? "// mine\r\n[\r\n\t{ \"name\": \"Mine\", },\r\n]"
                                          : "// mine\r\n{\r\n\t\"mine\": [1,], // \xC3\xA4\r\n}";
            const fs::path file = fs::path(one.folder) / one.file;
            put(file, mine);
            ::chmod((home_ / file).c_str(), 0640);
            EXPECT_EQ(write(one.name.data()), "") << one.name;
            EXPECT_THAT(get(file),
                        HasSubstr(list ? "\t{ \"name\": \"Mine\", }," : "\t\"mine\": [1,], // \xC3\xA4"));
            EXPECT_THAT(get(file), HasSubstr("qwen3:4b"));
            EXPECT_EQ(write(one.name.data(), "other:1b"), "") << one.name;
            EXPECT_THAT(get(file), testing::Not(HasSubstr("qwen3:4b"))) << "of the first time";
            EXPECT_EQ(undo(one.name.data()), "") << one.name;
            EXPECT_EQ(get(file), mine) << one.name;
            struct stat facts {};
            ASSERT_EQ(::stat((home_ / file).c_str(), &facts), 0);
            EXPECT_EQ(facts.st_mode & 07777U, 0640U);
        }
    }
}

TEST_F(connect_file, nothing_is_taken_back_from_a_file_that_was_changed_since) {
    put(".config/opencode/opencode.json", "{}\n");
    ASSERT_EQ(write("opencode"), "");
    put(".config/opencode/opencode.json", "{ \"new\": 1 }\n");
    EXPECT_THAT(undo("opencode"), HasSubstr("was changed since"));
    EXPECT_EQ(get(".config/opencode/opencode.json"), "{ \"new\": 1 }\n");
}

TEST_F(connect_file, what_can_t_be_merged_stays) {
    put(".config/zed/settings.json", "{ \"language_models\": [] }");
    EXPECT_THAT(write("zed"), HasSubstr("can't be merged safely: its 'language_models'"));
    EXPECT_EQ(get(".config/zed/settings.json"), "{ \"language_models\": [] }");
    put(".codex/corral.config.toml", "mine = 1\n");
    EXPECT_THAT(write("codex"), HasSubstr("move it away"));
    EXPECT_EQ(get(".codex/corral.config.toml"), "mine = 1\n");
}

TEST_F(connect_file, a_link_stays_a_link) {
    put("dotfiles/opencode.json", "{}\n");
    fs::create_directories(home_ / ".config/opencode");
    fs::create_symlink(home_ / "dotfiles/opencode.json", home_ / ".config/opencode/opencode.json");
    ASSERT_EQ(write("opencode"), "");
    EXPECT_TRUE(fs::is_symlink(home_ / ".config/opencode/opencode.json"));
    EXPECT_THAT(get("dotfiles/opencode.json"), HasSubstr("qwen3:4b"));
    ASSERT_EQ(undo("opencode"), "");
    EXPECT_EQ(get("dotfiles/opencode.json"), "{}\n");
    fs::remove(home_ / "dotfiles/opencode.json");
    EXPECT_THAT(write("opencode"), HasSubstr("a dangling link"));
}

TEST_F(connect_file, a_folder_a_read_only_file_and_a_strange_home_are_told) {
    fs::create_directories(home_ / ".claude/corral.json");
    EXPECT_THAT(write("claude"), HasSubstr("not a regular file"));
    put(".config/zed/settings.json", "{}");
    ::chmod((home_ / ".config/zed/settings.json").c_str(), 0444);
    EXPECT_THAT(write("zed"), HasSubstr("read-only"));
    environment_["HOME"] = "";
    EXPECT_THAT(write("codex"), HasSubstr("HOME names no folder"));
    environment_["HOME"] = "/proc/self";
    environment_["SUDO_USER"] = "anna";
    EXPECT_THAT(write("codex"), ::geteuid() == 0 ? HasSubstr("without sudo") : HasSubstr(""));
}

TEST_F(connect_file, a_moved_folder_of_settings_is_followed) {
    environment_["CODEX_HOME"] = (home_ / "elsewhere").string();
    ASSERT_EQ(write("codex"), "");
    EXPECT_TRUE(fs::exists(home_ / "elsewhere/corral.config.toml"));
}

TEST(difference, shows_the_lines_between_what_is_alike) {
    EXPECT_EQ(difference_of("a\nb\nc\n", "a\nx\ny\nc\n"), "- b\n+ x\n+ y\n");
    EXPECT_EQ(difference_of("", "a\n"), "+ a\n");
    EXPECT_EQ(difference_of("a\n", "a\n"), "");
    EXPECT_EQ(difference_of("a\na\n", "a\n"), "- a\n");
}

}  // namespace
}  // namespace corral::cli

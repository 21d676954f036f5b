#include "corral/config/manifest_file.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "catalog/temporary_folder.hpp"

namespace corral::config {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(manifest_file, is_named_like_its_model) {
    EXPECT_EQ(manifest_file_name("qwen3:4b"), "qwen3-4b.toml");
    EXPECT_EQ(manifest_file_name("my/qwen2.5:1.5b"), "my-qwen2.5-1.5b.toml");
}

TEST(manifest_file, is_written_whole_for_everybody_to_read) {
    const tests::temporary_folder folder;
    const fs::path file = folder.path() / "config/models.d/a.toml";
    ASSERT_TRUE(write_manifest(file, "name = 1\n", false));
    EXPECT_EQ(text_of(file), "name = 1\n");
    struct stat facts {};
    ASSERT_EQ(::stat(file.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0644U);
    EXPECT_EQ(std::distance(fs::directory_iterator(file.parent_path()), {}), 1) << "nothing else is left";
}

TEST(manifest_file, replaces_only_when_it_may) {
    const tests::temporary_folder folder;
    const fs::path file = folder.path() / "a.toml";
    ASSERT_TRUE(write_manifest(file, "old", false));
    const auto refused = write_manifest(file, "new", false);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code.value(), EEXIST);
    EXPECT_EQ(text_of(file), "old");
    ASSERT_TRUE(write_manifest(file, "new", true));
    EXPECT_EQ(text_of(file), "new");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(manifest_file, names_another_place_only_where_there_is_one) {
    const tests::temporary_folder folder;
    std::ofstream(folder.path() / "file") << "no folder";
    const fs::path file = folder.path() / "file/models.d/a.toml";
    const std::string plain = write_manifest(file, "x", true).error().message;
    EXPECT_EQ(plain.find(", or "), std::string::npos) << plain;
    const std::string said = write_manifest(file, "x", true, "name a folder by --folder DIR").error().message;
    EXPECT_TRUE(said.ends_with(", or name a folder by --folder DIR.")) << said;
}

TEST(manifest_file, follows_no_link) {
    const tests::temporary_folder folder;
    const fs::path elsewhere = folder.path() / "elsewhere";
    fs::create_directory(elsewhere);
    fs::create_directory_symlink(elsewhere, folder.path() / "models.d");
    EXPECT_FALSE(write_manifest(folder.path() / "models.d/a.toml", "x", true));
    EXPECT_TRUE(fs::is_empty(elsewhere));
    fs::create_symlink(elsewhere / "target", folder.path() / "a.toml");
    EXPECT_FALSE(write_manifest(folder.path() / "a.toml", "x", true));
    EXPECT_TRUE(fs::is_empty(elsewhere));
    fs::create_directory(folder.path() / "b.toml");
    EXPECT_FALSE(write_manifest(folder.path() / "b.toml", "x", true));
}

struct pin_row {
    const char* what;
    const char* before;
    bool pinned;
    const char* after;  // nullptr: refused
};

constexpr pin_row rows[] = {
    {"a new line stands behind the name",
     "# mine\nname = \"a:1b\"  # its name\ncards = [0]\n[services.x]\nport = 0\n", true,
     "# mine\nname = \"a:1b\"  # its name\npinned = true\ncards = [0]\n[services.x]\nport = 0\n"},
    {"indented as the name, with its line end", "  name = \"a:1b\"\r\n", true,
     "  name = \"a:1b\"\r\n  pinned = true\r\n"},
    {"the file ends in the name", "name = \"a:1b\"", true, "name = \"a:1b\"\npinned = true\n"},
    {"a value is replaced, its comment stays", "pinned  =  false # not true\nname = \"a:1b\"\n", true,
     "pinned  =  true # not true\nname = \"a:1b\"\n"},
    {"and taken back", "name = 'A:1B'\npinned = true\n", false, "name = 'A:1B'\npinned = false\n"},
    {"a quoted key", "\"pinned\" = true\nname = \"a:1b\"\n", false, "\"pinned\" = false\nname = \"a:1b\"\n"},
    {"what is so already stays", "name = \"a:1b\"\n", false, "name = \"a:1b\"\n"},
    {"that of another table is another", "name = \"a:1b\"\n[x]\npinned = true\n", true,
     "name = \"a:1b\"\npinned = true\n[x]\npinned = true\n"},
    {"texts of several lines before it",
     "system = '''\nname = \"a:1b\"\npinned = false\n'''\nname = \"a:1b\"\n", true,
     "system = '''\nname = \"a:1b\"\npinned = false\n'''\nname = \"a:1b\"\npinned = true\n"},
    {"characters of several bytes before it", "name = \"a:1b\" # f\xC3\xBCr\npinned = false\n", true,
     "name = \"a:1b\" # f\xC3\xBCr\npinned = true\n"},
    {"a word is no boolean", "name = \"a:1b\"\npinned = \"true\"\n", false, nullptr},
    {"another model", "name = \"b\"\n", true, nullptr},
    {"a table of the configuration", "[[models]]\nname = \"a:1b\"\n", true, nullptr},
    {"no TOML", "[models\nname = \"a:1b\"\n", true, nullptr},
    {"nothing", "", true, nullptr},
};

TEST(pin_edit, changes_the_one_value_and_nothing_else) {
    for (const pin_row& row : rows) {
        const auto out = with_pin(row.before, "a:1b", row.pinned);
        ASSERT_EQ(out.has_value(), row.after != nullptr) << row.what;
        if (row.after != nullptr) {
            EXPECT_EQ(*out, row.after) << row.what;
            EXPECT_EQ(*with_pin(*out, "a:1b", row.pinned), row.after) << row.what << ", again";
        } else {
            EXPECT_FALSE(out.error().message.empty()) << row.what;
        }
    }
}

}  // namespace
}  // namespace corral::config

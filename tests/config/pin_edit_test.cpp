#include "corral/config/pin_edit.hpp"

#include <gtest/gtest.h>

namespace corral::config {
namespace {

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

#include "corral/config/last_good.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"

namespace corral::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class last_good_copy : public testing::Test {
protected:
    [[nodiscard]] core::result<last_good> read() const { return read_last_good(state(), file()); }
    void keep(const std::string& text) const {
        ASSERT_TRUE(keep_last_good(state(), file(), text, "2026-01-31T12:00:00Z"));
    }
    // Why it can't be read.
    [[nodiscard]] std::string refusal() const {
        const auto got = read();
        return got ? std::string("read") : got.error().message.text();
    }
    void replace(const std::string& what, const std::string& with) const {
        std::ifstream in(state() / "last_good.toml");
        std::string text(std::istreambuf_iterator<char>(in), {});
        ASSERT_NE(text.find(what), std::string::npos);
        text.replace(text.find(what), what.size(), with);
        folder_.write("state/last_good.toml", text);
    }
    [[nodiscard]] fs::path state() const { return folder_.path() / "state"; }
    [[nodiscard]] fs::path file() const { return folder_.path() / "corral.toml"; }

    tests::temporary_folder folder_;
};

TEST_F(last_good_copy, is_what_was_kept_and_private) {
    EXPECT_THAT(refusal(), HasSubstr("no last good copy"));
    keep("max_queue = 3\n");
    ASSERT_TRUE(read());
    EXPECT_EQ(read()->text, "max_queue = 3\n");
    EXPECT_EQ(read()->written, "2026-01-31T12:00:00Z");
    EXPECT_EQ(fs::status(state() / "last_good.toml").permissions(), fs::perms(0600));
    keep("");
    EXPECT_EQ(read()->text, "");
}

TEST_F(last_good_copy, is_refused_when_damaged_strange_or_of_another_version) {
    keep("max_queue = 3\n");
    replace("= 3", "= 4");
    EXPECT_THAT(refusal(), HasSubstr("damaged"));
    keep("max_queue = 3\n");
    replace("\"format\":1", "\"format\":2");
    EXPECT_THAT(refusal(), HasSubstr("was written by a newer version of Corral and is left as it is"));
    EXPECT_THAT(keep_last_good(state(), file(), "max_queue = 4\n", "2026-01-31T12:00:00Z").error().message,
                HasSubstr("newer version"));
    replace("\"format\":2", "\"format\":0");
    EXPECT_THAT(refusal(), HasSubstr("another version"));
    keep("max_queue = 4\n");
    keep("max_queue = 3\n");
    EXPECT_THAT(read_last_good(state(), folder_.path() / "b.toml").error().message,
                HasSubstr("another file"));
    fs::permissions(state() / "last_good.toml", fs::perms(0666));
    EXPECT_THAT(refusal(), HasSubstr("others may write"));
    fs::permissions(state() / "last_good.toml", fs::perms(0600));
    folder_.write("state/last_good.toml", std::string("\0\0\0", 3));
    EXPECT_THAT(refusal(), HasSubstr("damaged"));
}

TEST(door_lines, are_those_of_who_may_come_in) {
    EXPECT_THAT(
        door_lines("max_queue = 3 # listen\nlisten = \"a # b\"  # c\n[http]\nidle_timeout = \"1s\"\n"),
        ElementsAre("listen=\"a # b\""));
    EXPECT_THAT(door_lines("[access]\nkeys = 'k'\n[[models]]\nname = 'x'\n[tls]\n oops"),
                ElementsAre("[access]", "keys='k'", "[tls]", "oops"));
    // Mistakes of all kinds.
    EXPECT_THAT(door_lines("[access\nkeys \n access.keys='k'\nlisten"),
                ElementsAre("[access", "keys", "access.keys='k'", "listen"));
    EXPECT_THAT(door_lines("name = 'listen'\ncommand = ['--key']"), IsEmpty());
}

TEST(wiped_text, has_nothing_in_it) {
    EXPECT_TRUE(is_wiped(""));
    EXPECT_TRUE(is_wiped(std::string_view("\0\0\n", 3)));
    EXPECT_FALSE(is_wiped("# nothing"));
}

}  // namespace
}  // namespace corral::config

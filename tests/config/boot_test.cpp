#include "corral/config/boot.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "config/configuration_fixture.hpp"

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

using testing::SizeIs;

class boot : public configuration_file {
protected:
    configuration_result start(const std::string& text) {
        folder_.write("c.toml", text);
        return load_for_boot(source_);
    }
    void keep(const std::string& text) {
        ASSERT_TRUE(keep_last_good(folder_.path() / "state", source_.file, text, "2026-01-31T12:00:00Z"));
    }

    // What the copy is found by, in a file with a mistake too.
    const std::string here_ = "state_directory = 'state'\n";
};

TEST_F(boot, takes_a_good_file_as_it_is) {
    keep(here_ + "max_queue = 3\n");
    const auto read = start(here_ + "max_queue = 4\n");
    ASSERT_TRUE(read.value);
    EXPECT_FALSE(read.value->in_place);
    EXPECT_EQ(read.value->max_queue, 4);
    EXPECT_EQ(read.text, here_ + "max_queue = 4\n");
}

TEST_F(boot, with_a_mistake_goes_by_the_last_good_copy) {
    EXPECT_THAT(start(here_ + "max_queue = = 3\n").errors, SizeIs(2));
    keep(here_ + "max_queue = 3\n" + model_text);
    for (const std::string wrong :
         {"max_queue = = 4\n", "max_queue = \"many\"\n", "[[models]]\nname = 3\n"}) {
        const auto read = start(here_ + wrong);
        ASSERT_TRUE(read.value) << wrong;
        ASSERT_TRUE(read.value->in_place);
        EXPECT_EQ(read.value->in_place->served, "the last good copy (2026-01-31T12:00:00Z)");
        EXPECT_EQ(read.value->in_place->problems.front().file, source_.file.string());
        EXPECT_FALSE(read.value->in_place->door_differs);
        EXPECT_EQ(read.value->max_queue, 3);
        EXPECT_THAT(read.value->models, SizeIs(1));
        EXPECT_THAT(read.errors, IsEmpty());
    }
}

TEST_F(boot, says_nothing_of_a_copy_where_the_mistake_is_not_of_the_file) {
    set_environment({{"OLLAMA_HOST", "nobody:what"}});
    EXPECT_THAT(start(here_).errors, SizeIs(1));
}

TEST_F(boot, with_a_lost_text_goes_by_the_last_good_copy) {
    set_environment({{"STATE_DIRECTORY", (folder_.path() / "state").string()}});
    keep("max_queue = 3\n[access]\nkeys = 'keys'\n");
    const auto read = start("");
    ASSERT_TRUE(read.value && read.value->in_place);
    EXPECT_EQ(read.value->max_queue, 3);
    EXPECT_FALSE(read.value->in_place->door_differs);
    EXPECT_TRUE(read.value->keys_file);
    std::filesystem::remove(source_.file);
    EXPECT_TRUE(load_for_boot(source_).value);
    // Of comments alone it says that nothing is wanted.
    EXPECT_FALSE(start("# nothing\n").value->in_place);
}

TEST_F(boot, lets_nobody_in_when_the_door_may_have_been_meant_to_be_another) {
    keep(here_ + "listen = '0.0.0.0:1'\nallow_unauthenticated = true\n");
    for (const std::string wrong :
         {"listen = '127.0.0.1:1'\n", "listen = '0.0.0.0:1'\n", "[access]\nkeys = 'keys'\n",
          "listen = '0.0.0.0:1'\nallow_unauthenticated = true\n[tls]\n", "lisen = '127.0.0.1:1'\n"}) {
        const auto read = start(here_ + "oops =\n" + wrong);
        ASSERT_TRUE(read.value && read.value->in_place) << wrong;
        EXPECT_TRUE(read.value->in_place->door_differs) << wrong;
    }
    const auto same = start(here_ + "oops =\nlisten='0.0.0.0:1' # all\nallow_unauthenticated = true\n");
    ASSERT_TRUE(same.value && same.value->in_place);
    EXPECT_FALSE(same.value->in_place->door_differs);
}

TEST_F(boot, without_a_good_copy_leaves_out_the_models_at_fault) {
    const auto read = start(here_ + model_text + "[[models]]\nname = 'b'\nprofile = 'absent'\n");
    ASSERT_TRUE(read.value && read.value->in_place);
    EXPECT_EQ(read.value->in_place->served, "the file without the faulty models");
    ASSERT_THAT(read.value->models, SizeIs(1));
    EXPECT_EQ(read.value->models[0].name, "Qwen3:4b");
    ASSERT_THAT(read.value->left_out, SizeIs(1));
    EXPECT_EQ(read.value->left_out[0].name, "b:latest");
    // Nor does a profile that was broken since.
    keep(here_ + model_text);
    folder_.write("vendor/small/profile.toml", "name = ");
    const auto broken = start(here_ + "oops\n");
    ASSERT_TRUE(broken.value && broken.value->in_place);
    EXPECT_THAT(broken.value->in_place->served, HasSubstr("without the faulty models"));
    EXPECT_THAT(broken.value->models, IsEmpty());
}

TEST_F(boot, waits_for_files_of_keys_and_certificates) {
    const auto read = start("[access]\nkeys = 'keys'\n[tls]\ncertificate = 'c'\nkey = 'k'\n");
    ASSERT_TRUE(read.value);
    EXPECT_FALSE(read.value->in_place);
    EXPECT_THAT(read.value->awaited, SizeIs(2));
    EXPECT_THAT(read.value->awaited[0].message, HasSubstr("'corral key new NAME"));
    EXPECT_TRUE(read.value->keys_file && read.value->tls);
    folder_.write("keys", "not a key");
    EXPECT_EQ(start("[access]\nkeys = 'keys'\n").value->awaited.at(0).line, 1);
    EXPECT_FALSE(load_configuration(source_).value);
}

}  // namespace
}  // namespace corral::config

#include "corral/config/key_file.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include <sys/stat.h>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "corral/catalog/package_survey.hpp"
#include "corral/core/files.hpp"

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

class key_file : public testing::Test {
protected:
    std::filesystem::path file() const { return folder_.path() / "keys"; }
    std::string text() const {
        std::ifstream in(file());
        return {std::istreambuf_iterator<char>(in), {}};
    }
    unsigned mode() const {
        struct stat facts {};
        EXPECT_EQ(::stat(file().c_str(), &facts), 0);
        return facts.st_mode & 07777U;
    }
    std::string add(const std::string& name, const std::string& key) {
        const auto done = add_key(file(), name, key, "2026-02-03");
        return done ? std::string() : done.error().message.text();
    }

    tests::temporary_folder folder_;
};

TEST_F(key_file, begins_with_the_first_key_and_is_nobody_elses) {
    EXPECT_EQ(add("anna", "sk-1"), "");
    EXPECT_EQ(text(),
              "# corral keys 1\nanna " + catalog::sha256_hex("sk-1").value() + "  # made 2026-02-03\n");
    EXPECT_EQ(mode(), 0600U);
    const auto read = read_key_file(file());
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->find("sk-1")->name, "anna");
    EXPECT_THAT(read.warnings, IsEmpty());
    const std::filesystem::directory_iterator all(folder_.path());
    EXPECT_EQ(std::distance(begin(all), end(all)), 1) << "something is left behind";
}

TEST_F(key_file, says_scopes_only_where_they_are_others_than_before_there_were_any) {
    ASSERT_TRUE(add_key(file(), "anna", "sk-1", "2026-02-03", {true, false, true}));
    EXPECT_EQ(text(), "# corral keys 1\nanna " + catalog::sha256_hex("sk-1").value() +
                          " inference,operate  # made 2026-02-03\n");
    EXPECT_TRUE(read_key_file(file()).value->find("sk-1")->scopes.operate);
}

TEST_F(key_file, tells_at_the_removal_of_a_key_which_ones_it_had_made) {
    EXPECT_EQ(add("anna", "sk-1"), "");
    ASSERT_TRUE(add_key(file(), "bert", "sk-2", "2026-02-03", {}, "anna"));
    ASSERT_TRUE(add_key(file(), "cara", "sk-3", "2026-02-03", {}, "anna"));
    ASSERT_TRUE(add_key(file(), "dora", "sk-4", "2026-02-03", {}, "bert"));
    EXPECT_THAT(*remove_key(file(), "anna"), testing::ElementsAre("bert", "cara"));
    EXPECT_THAT(*remove_key(file(), "cara"), IsEmpty());
}

TEST_F(key_file, keeps_what_people_wrote_when_keys_come_and_go) {
    const std::string anna = "anna " + catalog::sha256_hex("sk-1").value();
    folder_.write("keys", "# ours\n\n" + anna + " # first");
    EXPECT_EQ(add("bert", "sk-2"), "");
    EXPECT_THAT(text(), testing::StartsWith("# ours\n\n" + anna + " # first\nbert "));
    ASSERT_TRUE(remove_key(file(), "anna"));
    EXPECT_THAT(text(), testing::StartsWith("# ours\n\nbert "));
    ASSERT_TRUE(remove_key(file(), "bert"));
    EXPECT_EQ(text(), "# ours\n\n");
    EXPECT_THAT(remove_key(file(), "bert").error().message, HasSubstr("there is no key named 'bert'"));
}

TEST_F(key_file, refuses_names_that_are_taken_or_none_and_files_that_are_broken) {
    EXPECT_EQ(add("anna", "sk-1"), "");
    const std::string before = text();
    EXPECT_THAT(add("anna", "sk-2"), HasSubstr("a key named 'anna' already exists"));
    EXPECT_THAT(add("an na", "sk-2"), HasSubstr("a key's name is"));
    for (const char* name : {"a#", "-h", "--file", ".", "..", "_x"}) {
        EXPECT_THAT(add(name, "sk-2"), HasSubstr("a key's name is")) << name;
    }
    EXPECT_EQ(text(), before);
    const std::string newer = "# corral keys 2\nanna in another way\n";
    folder_.write("keys", newer);
    EXPECT_THAT(add("bert", "sk-2"), HasSubstr("keys:1:1: a newer version of Corral wrote this key file"));
    EXPECT_THAT(remove_key(file(), "anna").error().message, HasSubstr("a newer version"));
    EXPECT_EQ(text(), newer);
    folder_.write("keys", "broken\n");
    EXPECT_THAT(add("bert", "sk-2"), HasSubstr("keys:1:1: key 'broken' needs"));
    EXPECT_EQ(text(), "broken\n");
    EXPECT_THAT(add_key(folder_.path() / "no/folder/keys", "a", "k", "").error().message,
                HasSubstr("No such file"));
}

TEST_F(key_file, is_given_to_its_reader_where_it_is_new_and_stays_whose_it_is) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give files away";
    }
    const auto owner = [this] {
        struct stat facts {};
        EXPECT_EQ(::stat(file().c_str(), &facts), 0);
        return std::pair(facts.st_uid, facts.st_gid);
    };
    ASSERT_TRUE(add_key(file(), "anna", "sk-1", "2026-02-03", {}, {}, file_owner{65534, 65533}));
    EXPECT_EQ(owner(), std::pair(uid_t{65534}, gid_t{65533}));
    EXPECT_EQ(mode(), 0600U);
    ASSERT_TRUE(add_key(file(), "bert", "sk-2", "2026-02-03", {}, {}, file_owner{1, 1}));
    EXPECT_EQ(owner(), std::pair(uid_t{65534}, gid_t{65533}));
}

TEST_F(key_file, is_written_for_its_owner_and_group_at_most_and_stays_where_a_link_points) {
    folder_.write("real/keys", "");
    std::filesystem::create_symlink(folder_.path() / "real/keys", file());
    std::filesystem::permissions(folder_.path() / "real/keys", std::filesystem::perms(0644));
    EXPECT_THAT(
        read_key_file(file()).warnings,
        ElementsAre(HasSubstr("every client is refused"), HasSubstr("every user of this machine can read")));
    EXPECT_EQ(add("anna", "sk-1"), "");
    EXPECT_TRUE(std::filesystem::is_symlink(file()));
    EXPECT_EQ(mode(), 0640U);
    EXPECT_THAT(read_key_file(file()).warnings, IsEmpty());
}

TEST_F(key_file, is_changed_by_one_at_a_time) {
    const auto held = core::folder_lock::take(folder_.path());
    ASSERT_TRUE(held);
    EXPECT_THAT(add("anna", "sk-1"), HasSubstr("another program is changing files"));
}

TEST_F(key_file, that_is_absent_says_how_to_make_it) {
    const auto read = read_key_file(file());
    EXPECT_FALSE(read.value);
    EXPECT_THAT(read.errors.at(0).message, HasSubstr("corral key new NAME --file " + file().string()));
}

TEST(made_keys, are_long_and_never_twice_the_same) {
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        const auto key = make_key();
        ASSERT_TRUE(key);
        EXPECT_THAT(*key, MatchesRegex("sk-corral-[A-Za-z0-9_-]{43}"));
        EXPECT_TRUE(seen.insert(*key).second);
    }
}

}  // namespace
}  // namespace corral::config

#include "corral/pull/pulled_packages.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "corral/core/owned_fd.hpp"

namespace corral::pull {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class pulled_packages_test : public testing::Test {
protected:
    // As a pull leaves it.
    void bring(const std::string& name, const std::vector<std::string>& files) {
        pulled_marker marker{"m:1b", source_kind::hub, "o/r", "main", {}};
        for (const std::string& one : files) {
            folder.write(name + "/" + one, "text of " + one);
            marker.files.push_back({one, 10U, ""});
        }
        folder.write(name + "/" + marker_name, marker_text(marker));
    }
    bool there(const std::string& name) const {
        return fs::symlink_status(folder.path() / name).type() != fs::file_type::not_found;
    }
    core::result<removed> remove(const std::string& name) const {
        const auto held = package_lock::take(folder.path(), name);
        return held ? remove_pulled(*held) : held.error();
    }
    tests::temporary_folder folder;
};

TEST_F(pulled_packages_test, are_told_from_other_folders_by_their_marker) {
    bring("A", {"a", "b/c"});
    folder.write("own/model.bin", "x");
    folder.write("bad/.corral-pull.json", "{}");
    folder.write(".corral-pull/B/package/part", "x");
    const pulled_things all = look_at_pulled(folder.path());
    ASSERT_EQ(all.packages.size(), 1U);
    EXPECT_EQ(all.packages[0].folder, "A");
    EXPECT_EQ(all.packages[0].marker.name, "m:1b");
    EXPECT_GT(all.packages[0].bytes, 0U);
    ASSERT_EQ(all.parts.size(), 1U);
    EXPECT_EQ(all.parts[0].folder, "B");
    EXPECT_FALSE(all.parts[0].in_use);
    EXPECT_TRUE(look_at_pulled(folder.path() / "absent").packages.empty());
    EXPECT_TRUE(look_at_pulled(folder.path() / "absent").problem.empty());
    EXPECT_EQ(look_at_pulled(folder.path() / "own/model.bin").problem.name(), "package.folder/open");
}

TEST_F(pulled_packages_test, go_with_what_the_pull_brought_and_nothing_else) {
    bring("A", {"a", "b/c", "b/d/e"});
    folder.write("A/b/notes.txt", "mine");
    const auto gone = remove("A");
    ASSERT_TRUE(gone) << gone.error().message;
    EXPECT_THAT(gone->kept, ElementsAre("b"));
    EXPECT_GT(gone->bytes, 0U);
    EXPECT_TRUE(there("A/b/notes.txt"));
    EXPECT_FALSE(there("A/a") || there("A/b/d") || there("A/.corral-pull.json"));
    bring("B", {"a", "b/c"});
    ASSERT_TRUE(remove("B"));
    EXPECT_FALSE(there("B"));
}

TEST_F(pulled_packages_test, are_never_looked_for_behind_a_link) {
    folder.write("elsewhere/c", "not ours");
    bring("A", {"a", "b/c"});
    fs::remove_all(folder.path() / "A/b");
    fs::create_directory_symlink(folder.path() / "elsewhere", folder.path() / "A/b");
    fs::create_directory_symlink(folder.path() / "elsewhere", folder.path() / "link");
    fs::copy_file(folder.path() / "A/.corral-pull.json", folder.path() / "elsewhere/.corral-pull.json");
    ASSERT_TRUE(remove("A"));
    EXPECT_TRUE(there("elsewhere/c"));
    EXPECT_THAT(remove("link").error().message, HasSubstr("there is no such folder"));
    for (const char* name : {"..", ".", "", "A/b", "/", "nowhere"}) {
        EXPECT_FALSE(remove(name)) << name;
        EXPECT_FALSE(remove_parts(folder.path(), name)) << name;
    }
    EXPECT_TRUE(there("elsewhere/c"));
}

TEST_F(pulled_packages_test, without_a_marker_stay) {
    folder.write("own/model.bin", "x");
    EXPECT_THAT(remove("own").error().message, HasSubstr("it was not pulled"));
    EXPECT_TRUE(there("own/model.bin"));
}

TEST_F(pulled_packages_test, that_were_never_finished_go_when_nobody_pulls) {
    folder.write(".corral-pull/B/package/a/part", "x");
    const auto lock = folder.write(".corral-pull/B/lock", "");
    {
        const core::owned_fd held(::open(lock.c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(::flock(held.get(), LOCK_EX | LOCK_NB), 0);
        EXPECT_TRUE(look_at_pulled(folder.path()).parts.at(0).in_use);
        EXPECT_THAT(remove_parts(folder.path(), "B").error().message,
                    HasSubstr("a pull is in progress there"));
        EXPECT_TRUE(there(".corral-pull/B/package/a/part"));
    }
    ASSERT_TRUE(remove_parts(folder.path(), "B"));
    EXPECT_FALSE(there(".corral-pull/B"));
}

TEST_F(pulled_packages_test, stay_while_a_pull_goes_on_and_no_pull_begins_meanwhile) {
    bring("A", {"a"});
    const auto lock = folder.write(".corral-pull/A/lock", "");
    {
        const core::owned_fd held(::open(lock.c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(::flock(held.get(), LOCK_EX | LOCK_NB), 0);
        EXPECT_TRUE(look_at_pulled(folder.path()).packages.at(0).in_use);
        EXPECT_THAT(remove("A").error().message, HasSubstr("a pull is in progress there"));
        EXPECT_TRUE(there("A/a"));
    }
    {
        const auto held = package_lock::take(folder.path(), "A");
        ASSERT_TRUE(held) << held.error().message;
        const core::owned_fd other(::open(lock.c_str(), O_RDWR | O_CLOEXEC));
        EXPECT_NE(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
        EXPECT_FALSE(package_lock::take(folder.path(), "A"));
    }
    EXPECT_FALSE(there(".corral-pull")) << "nothing of the lock is left";
    EXPECT_TRUE(there("A/a"));
    folder.write(".corral-pull/A/parts/half", "x");
    ASSERT_TRUE(remove("A"));
    EXPECT_FALSE(there("A"));
    EXPECT_TRUE(there(".corral-pull/A/parts/half")) << "an unfinished pull of it is another matter";
}

TEST_F(pulled_packages_test, are_those_that_a_models_package_is_in) {
    bring("A", {"a/b"});
    const fs::path& all = folder.path();
    EXPECT_EQ(folder_below(all, all / "A"), "A");
    EXPECT_EQ(folder_below(all, all / "A/a"), "A");
    EXPECT_EQ(folder_below(all, all / "x/../A"), "A");
    for (const fs::path& other : {all, all / "..", fs::path("/usr"), all / ".corral-pull/A"}) {
        EXPECT_EQ(folder_below(all, other), "") << other;
    }
    fs::create_directory_symlink("/usr", all / "link");
    EXPECT_EQ(folder_below(all, all / "link"), "") << "it is elsewhere";
}

}  // namespace
}  // namespace corral::pull

#include "corral/core/files.hpp"

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"

namespace corral::core {
namespace {

namespace fs = std::filesystem;

TEST(private_folder, is_its_owners_alone_where_it_was_not_there) {
    const tests::temporary_folder box;
    const fs::path folder = box.path() / "a" / "b";
    ASSERT_TRUE(make_private_folder(folder));
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
    fs::permissions(folder, fs::perms(0755));
    ASSERT_TRUE(make_private_folder(folder));
    EXPECT_EQ(fs::status(folder).permissions(), fs::perms(0755));
}

TEST(private_folder, below_a_file_is_a_failure_that_names_it) {
    const tests::temporary_folder box;
    box.write("file", "");
    const auto made = make_private_folder(box.path() / "file" / "b");
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message, testing::HasSubstr("can't make the folder '"));
}

TEST(file_watch, sees_files_change_come_and_go) {
    const tests::temporary_folder folder;
    const auto a = folder.write("a", "1");
    file_watch watch({a, folder.path() / "b"});
    EXPECT_FALSE(watch.changed());
    folder.write("b", "1");
    EXPECT_TRUE(watch.changed());
    EXPECT_FALSE(watch.changed());
    folder.write("a", "12");
    EXPECT_TRUE(watch.changed());
    // Another file of the same size and time.
    const auto time = std::filesystem::last_write_time(a);
    const auto aside = folder.write("aside", "34");
    std::filesystem::last_write_time(aside, time);
    std::filesystem::rename(aside, a);
    EXPECT_TRUE(watch.changed());
    std::filesystem::remove(a);
    EXPECT_TRUE(watch.changed());
    EXPECT_FALSE(watch.changed());
}

// What could not be read is read once it can be.
TEST(file_watch, sees_that_somebody_may_read_it_now) {
    const tests::temporary_folder folder;
    const auto a = folder.write("a", "1");
    file_watch watch({a});
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(5);  // the system's stamps are coarse
    bool seen = false;
    while (!seen && std::chrono::steady_clock::now() < end) {
        fs::permissions(a, fs::perms::owner_read, fs::perm_options::remove);
        fs::permissions(a, fs::perms::owner_read, fs::perm_options::add);
        seen = watch.changed();
    }
    EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace corral::core

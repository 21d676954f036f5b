#include "corral/core/file_watch.hpp"

#include <filesystem>

#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"

namespace corral::core {
namespace {

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

}  // namespace
}  // namespace corral::core

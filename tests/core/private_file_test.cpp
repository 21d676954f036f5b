#include "corral/core/private_file.hpp"

#include <gmock/gmock.h>

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

}  // namespace
}  // namespace corral::core

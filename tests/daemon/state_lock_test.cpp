// A state directory belongs to one Corral, and a start never depends on it.

#include "daemon/state_lock.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"

namespace corral::daemon {
namespace {

using testing::HasSubstr;

class state_lock : public testing::Test {
protected:
    tests::temporary_folder box;
    const std::filesystem::path folder = box.path() / "state";
};

TEST_F(state_lock, is_one_s_alone_until_he_leaves) {
    auto first = lock_state(folder, -1);
    ASSERT_TRUE(first && first->valid());
    const auto second = lock_state(folder, -1);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("another Corral keeps its state in '" + folder.string()));
    EXPECT_THAT(second.error().message, HasSubstr("'state_directory'"));
    const auto beside = lock_state(box.path() / "other", -1);
    EXPECT_TRUE(beside && beside->valid());
    first->reset();
    const auto third = lock_state(folder, -1);
    EXPECT_TRUE(third && third->valid());
}

TEST_F(state_lock, goes_on_with_the_descriptor_of_the_image_before) {
    auto first = lock_state(folder, -1);
    ASSERT_TRUE(first);
    const int handed_over = first->release();
    const auto next = lock_state(folder, handed_over);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->get(), handed_over);
    EXPECT_FALSE(lock_state(folder, -1));
}

TEST_F(state_lock, of_the_image_before_outlives_a_file_that_cannot_be_opened) {
    auto first = lock_state(folder, -1);
    ASSERT_TRUE(first);
    const int handed_over = first->release();
    std::filesystem::rename(folder / "lock", box.path() / "aside");
    std::filesystem::create_directory(folder / "lock");
    auto next = lock_state(folder, handed_over);
    ASSERT_TRUE(next && next->valid());
    std::filesystem::remove(folder / "lock");
    std::filesystem::rename(box.path() / "aside", folder / "lock");
    EXPECT_FALSE(lock_state(folder, -1));
}

TEST_F(state_lock, of_another_folder_is_given_up) {
    auto first = lock_state(folder, -1);
    ASSERT_TRUE(first);
    const auto moved = lock_state(box.path() / "other", first->release());
    EXPECT_TRUE(moved && moved->valid());
    const auto again = lock_state(folder, -1);
    EXPECT_TRUE(again && again->valid());
}

TEST_F(state_lock, that_cannot_be_had_keeps_nobody_from_a_start) {
    box.write("file", "");
    for (const auto& place : {std::filesystem::path(), box.path() / "file", box.path() / "file" / "below"}) {
        const auto none = lock_state(place, -1);
        ASSERT_TRUE(none) << place;
        EXPECT_FALSE(none->valid()) << place;
    }
}

}  // namespace
}  // namespace corral::daemon

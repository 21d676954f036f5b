#include "pull/room_policy.hpp"

#include <gtest/gtest.h>

#include "corral/pull/rate_meter.hpp"

namespace corral::pull {
namespace {

TEST(room, is_missing_in_words_with_what_could_go) {
    room_facts facts{"/srv/models",
                     5'000'000'000,
                     10,
                     1'000'000'000,
                     0,
                     0,
                     {{"small", 1'000'000}, {"large", 3'000'000'000}}};
    const auto judged = judge_room(facts);
    ASSERT_FALSE(judged);
    EXPECT_EQ(judged.error().message,
              "the disk of '/srv/models' has no room for the package: 5.0 GB are still to come and 67 MB "
              "must stay free, but 1.0 GB are free: 4.1 GB short; "
              "what was pulled before and could go by 'corral rm --files': large (3.0 GB), small (1.0 MB)");
    facts.free = 6'000'000'000;
    EXPECT_TRUE(judge_room(facts));
    facts.quota = 7'000'000'000;
    facts.used = 3'001'000'000;
    const auto full = judge_room(facts);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().message.name(), "pull.room/quota");
    facts.quota = 4'000'000'000;
    const auto small = judge_room(facts);
    ASSERT_FALSE(small);
    EXPECT_EQ(small.error().message.name(), "pull.room/quota-small") << small.error().message;
    facts.needed = 0;
    facts.free = 0;
    EXPECT_TRUE(judge_room(facts));
}

TEST(bytes_text, is_short) {
    EXPECT_EQ(bytes_text(0), "0 bytes");
    EXPECT_EQ(bytes_text(999), "999 bytes");
    EXPECT_EQ(bytes_text(1000), "1.0 kB");
    EXPECT_EQ(bytes_text(4'661'211'424), "4.7 GB");
    EXPECT_EQ(bytes_text(35'400'000), "35 MB");
}

TEST(rate_meter, tells_of_the_last_seconds) {
    rate_meter meter;
    core::steady_time now{};
    EXPECT_FALSE(meter.rate());
    for (int i = 0; i <= 20; ++i) {
        meter.tell(now + core::seconds(i), static_cast<std::uint64_t>(i) * 1'000'000);
    }
    EXPECT_NEAR(*meter.rate(), 1e6, 1);
    EXPECT_EQ(meter.left(30'000'000), core::seconds{10});
    for (int i = 21; i <= 40; ++i) {
        meter.tell(now + core::seconds(i), 20'000'000);
    }
    EXPECT_FALSE(meter.left(30'000'000));
}

}  // namespace
}  // namespace corral::pull

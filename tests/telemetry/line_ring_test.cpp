#include <gmock/gmock.h>

#include "corral/telemetry/output_lines.hpp"

namespace corral::telemetry {
namespace {

using testing::ElementsAre;

TEST(line_ring, keeps_the_last_lines) {
    line_ring ring(3, 1000);
    for (const char* line : {"a", "b", "c", "d", "e"}) {
        ring.add(line);
    }
    EXPECT_THAT(ring.lines(), ElementsAre("c", "d", "e"));
    EXPECT_EQ(ring.dropped(), 2U);
}

TEST(line_ring, is_bounded_in_bytes) {
    line_ring ring(1000, 10);
    ring.add("12345");
    ring.add("67890");
    EXPECT_THAT(ring.lines(), ElementsAre("12345", "67890"));
    ring.add("x");
    EXPECT_THAT(ring.lines(), ElementsAre("67890", "x"));
    ring.add(std::string(50, 'y'));
    EXPECT_THAT(ring.lines(), ElementsAre(std::string(10, 'y')));
    EXPECT_EQ(ring.dropped(), 3U);
}

TEST(line_ring, empty_lines_are_bounded_too) {
    line_ring ring(5, 10);
    for (int turn = 0; turn < 100; ++turn) {
        ring.add("");
    }
    EXPECT_EQ(ring.lines().size(), 5U);
}

TEST(line_ring, numbers_its_lines_for_who_reads_on) {
    line_ring ring(3, 1000);
    const auto when = std::chrono::system_clock::time_point{} + std::chrono::seconds(5);
    for (const char* line : {"a", "b", "c", "d"}) {
        ring.add(line, when);
    }
    EXPECT_EQ(ring.end(), 4U);
    const auto all = ring.from(0, 10);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all.front().number, 1U);
    EXPECT_EQ(all.front().text, "b");
    EXPECT_EQ(all.front().when, when);
    EXPECT_EQ(ring.from(2, 1).front().text, "c");
    EXPECT_TRUE(ring.from(4, 10).empty());
    EXPECT_NE(ring.id(), line_ring(1, 1).id());
}

}  // namespace
}  // namespace corral::telemetry

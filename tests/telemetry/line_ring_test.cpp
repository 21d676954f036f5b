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

}  // namespace
}  // namespace corral::telemetry

#include "daemon/log_cursor.hpp"

#include <gmock/gmock.h>

namespace corral::daemon {
namespace {

using std::chrono::system_clock;
using telemetry::line_ring;
using testing::ElementsAre;
using testing::IsEmpty;

system_clock::time_point at(int second) {
    return system_clock::time_point{} + std::chrono::seconds(1000 + second);
}

log_source source(const std::string& model, const std::string& service, const line_ring& ring) {
    return {model, service, [&ring](std::uint64_t number, std::size_t most) {
                return ring_part{ring.id(), ring.end(), ring.from(number, most)};
            }};
}

std::vector<std::string> texts(const std::vector<log_line>& lines) {
    std::vector<std::string> out;
    for (const log_line& line : lines) {
        out.push_back(line.lost > 0 ? line.service + " lost " + std::to_string(line.lost) : line.text);
    }
    return out;
}

TEST(log_cursor, begins_with_the_last_lines_of_all_in_the_order_of_time) {
    line_ring a(10, 1000);
    line_ring b(10, 1000);
    a.add("a1", at(1));
    a.add("a3", at(3));
    b.add("b2", at(2));
    b.add("b0", at(4));
    log_cursor cursor;
    EXPECT_THAT(texts(cursor.last({source("m", "a", a), source("m", "b", b)}, 3)),
                ElementsAre("b2", "a3", "b0"));
    EXPECT_THAT(texts(cursor.next({source("m", "a", a), source("m", "b", b)})), IsEmpty());
}

TEST(log_cursor, goes_on_with_what_came_since_and_counts_what_was_lost) {
    line_ring a(3, 1000);
    const std::vector<log_source> all{source("m", "a", a)};
    a.add("1", at(1));
    log_cursor cursor;
    EXPECT_THAT(texts(cursor.last(all, 0)), IsEmpty());
    a.add("2", at(2));
    a.add("3", at(3));
    EXPECT_THAT(texts(cursor.next(all)), ElementsAre("2", "3"));
    for (int i = 4; i < 10; ++i) {
        a.add(std::to_string(i), at(i));
    }
    EXPECT_THAT(texts(cursor.next(all)), ElementsAre("a lost 3", "7", "8", "9"));
    EXPECT_THAT(texts(cursor.next(all)), IsEmpty());
}

TEST(log_cursor, reads_a_service_that_came_later_from_its_beginning) {
    line_ring a(10, 1000);
    a.add("old", at(1));
    log_cursor cursor;
    EXPECT_THAT(texts(cursor.last({source("m", "a", a)}, 10)), ElementsAre("old"));
    line_ring b(10, 1000);
    b.add("new", at(2));
    EXPECT_THAT(texts(cursor.next({source("m", "a", b)})), ElementsAre("new"));
}

TEST(log_cursor, takes_a_bounded_piece_at_once_and_loses_nothing_by_that) {
    line_ring a(1000, 100'000);
    const std::vector<log_source> all{source("m", "a", a)};
    log_cursor cursor;
    EXPECT_THAT(texts(cursor.last(all, 10)), IsEmpty());
    for (int i = 0; i < 250; ++i) {
        a.add(std::to_string(i), at(i));
    }
    std::vector<std::string> got;
    for (auto part = cursor.next(all); !part.empty(); part = cursor.next(all)) {
        EXPECT_LE(part.size(), 100U);
        for (auto& text : texts(part)) {
            got.push_back(text);
        }
    }
    ASSERT_EQ(got.size(), 250U);
    EXPECT_EQ(got.back(), "249");
}

}  // namespace
}  // namespace corral::daemon

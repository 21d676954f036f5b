#include "corral/telemetry/run_journal.hpp"

#include <gmock/gmock.h>

namespace corral::telemetry {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr core::steady_time begin{std::chrono::seconds{100}};

run_record named(const std::string& id) {
    run_record out;
    out.id = id;
    out.model = "m";
    return out;
}

TEST(run_journal, keeps_the_gaps_between_pieces_and_how_long_it_is_silent) {
    run_journal journal;
    const auto run = journal.begin(named("a"));
    EXPECT_FALSE(journal.running(begin).at(0).silent_for) << "no piece came yet";
    for (const int at : {0, 10, 40, 45}) {
        run->note_piece(begin + milliseconds{at});
    }
    const run_record now = journal.running(begin + milliseconds{145}).at(0);
    EXPECT_EQ(now.pieces, 4U);
    EXPECT_EQ(now.longest_gap, milliseconds{30});
    EXPECT_THAT(now.gaps.all(), ElementsAre(milliseconds{10}, milliseconds{30}, milliseconds{5}));
    EXPECT_EQ(now.silent_for, milliseconds{100});
    EXPECT_EQ(now.outcome, "");
}

TEST(run_journal, only_the_last_gaps_are_kept) {
    gap_ring gaps;
    for (int i = 0; i < 40; ++i) {
        gaps.add(milliseconds{i});
    }
    EXPECT_EQ(gaps.all().size(), 32U);
    EXPECT_EQ(gaps.all().front(), milliseconds{8});
    EXPECT_EQ(gaps.all().back(), milliseconds{39});
}

TEST(run_journal, the_pause_before_another_try_is_no_gap) {
    run_journal journal;
    const auto run = journal.begin(named("a"));
    run->note_piece(begin);
    run->note_try();
    run->note_piece(begin + milliseconds{5000});
    EXPECT_EQ(run->record().longest_gap, milliseconds{0});
}

TEST(run_journal, is_bounded_and_forgets_the_oldest) {
    run_journal journal(2);
    for (const char* id : {"a", "b", "c"}) {
        const auto run = journal.begin(named(id));
        run->record().outcome = "stop";
        journal.finish(run);
    }
    EXPECT_TRUE(journal.running(begin).empty());
    ASSERT_EQ(journal.finished().size(), 2U);
    EXPECT_EQ(journal.finished().front().id, "b");
    EXPECT_EQ(journal.finished().back().outcome, "stop");
}

TEST(run_journal, a_run_that_was_dropped_is_not_running_any_more) {
    run_journal journal;
    auto run = journal.begin(named("a"));
    run.reset();
    EXPECT_TRUE(journal.running(begin).empty());
    journal.finish(nullptr);
    EXPECT_TRUE(journal.finished().empty());
}

}  // namespace
}  // namespace corral::telemetry

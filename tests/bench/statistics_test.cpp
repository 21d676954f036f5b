#include "corral/bench/statistics.hpp"

#include <gmock/gmock.h>

namespace corral::bench::test {
namespace {

TEST(statistics, percentiles_are_values_that_were_measured) {
    std::vector<double> values;
    for (int i = 100; i > 0; --i) {
        values.push_back(i);
    }
    const spread of_hundred = spread_of(values).value();
    EXPECT_EQ(of_hundred.p90, 90);
    EXPECT_EQ(of_hundred.p99, 99);
    EXPECT_EQ(of_hundred.median, 50.5);
    EXPECT_NEAR(of_hundred.deviation, 29.011, 0.001);
    const spread of_one = spread_of({7}).value();
    EXPECT_EQ(of_one.p90, 7);
    EXPECT_EQ(of_one.p99, 7);
    EXPECT_EQ(of_one.deviation, 0);
    EXPECT_FALSE(spread_of({}));
}

test_result answered(unsigned client, double began_s, double total_s, std::vector<double> pieces) {
    test_result out;
    out.test.id = "one";
    out.client = client;
    out.began_s = began_s;
    out.seen.how = ending::success;
    out.seen.total_s = total_s;
    out.seen.output_tokens = 10;
    out.seen.first_piece_s = pieces.front();
    out.seen.piece_s = std::move(pieces);
    return out;
}

TEST(statistics, clients_at_once_share_the_time_of_their_round) {
    run_record run;
    run.results = {answered(1, 0, 2, {0.5, 1.5, 1.6}), answered(2, 0, 4, {1, 3})};
    const totals all = total_up(run);
    EXPECT_DOUBLE_EQ(all.throughput.value().average, 5);  // 20 tokens in 4 s
    EXPECT_DOUBLE_EQ(all.client_first.value().average, 750);
    EXPECT_DOUBLE_EQ(all.gap.value().most, 2000);
    EXPECT_DOUBLE_EQ(all.gap.value().median, 1000);
    EXPECT_FALSE(all.runtime_first) << "nobody told it";
}

TEST(statistics, what_the_model_can_not_do_is_no_failure_and_what_it_did_wrong_is_no_success) {
    run_record run;
    run.results = {answered(1, 0, 2, {0.5}), answered(1, 2, 2, {0.5}), answered(1, 4, 2, {0.5})};
    run.results[1].seen.how = ending::unable;
    run.results[2].seen.how = ending::wrong;
    const totals all = total_up(run);
    EXPECT_EQ(all.tests, 2U);
    EXPECT_EQ(all.successes, 1U);
    EXPECT_EQ(all.unable, 1U);
    EXPECT_EQ(all.wrong, 1U);
}

}  // namespace
}  // namespace corral::bench::test

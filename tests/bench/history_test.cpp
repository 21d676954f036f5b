#include "corral/bench/history.hpp"

#include <gmock/gmock.h>

#include "bench_record.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;

kept_run run_of(const std::string& model, double speed) {
    kept_run out = kept_of(bench_record());
    out.model = model;
    out.speed = speed;
    out.driver = "axcl-smi 3.6.2";
    return out;
}

TEST(history, comes_back_as_it_was_kept_and_survives_broken_lines) {
    const std::vector<kept_run> runs{run_of("a", 4.5), run_of("b", 3)};
    const auto read = read_history("garbage\n" + history_lines(runs) + "{\"model\":3}\n[]\n{\"mod");
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(history_lines(read), history_lines(runs));
    EXPECT_EQ(read[0].corral, "1.0.0");
    EXPECT_EQ(read[0].successes, 2U);
}

TEST(history, a_model_that_is_measured_daily_does_not_push_out_the_others) {
    std::vector<kept_run> runs{run_of("rare", 1)};
    const kept_run daily = run_of("daily", 3);
    runs.insert(runs.end(), 2000, daily);
    runs = with_run(std::move(runs), run_of("daily", 2499));
    EXPECT_LE(runs.size(), 1000U);
    EXPECT_LE(history_lines(runs).size(), 900'000U);
    EXPECT_EQ(runs.front().model, "rare");
    EXPECT_EQ(runs.back().speed, 2499);
    kept_run long_named = run_of("x", 1);
    long_named.hardware = std::string(2000, 'h');
    EXPECT_LE(history_lines(read_history(history_lines({long_named}))).size(), 2000U);
}

TEST(history, only_like_is_compared_with_like) {
    std::vector<kept_run> runs{run_of("a", 1), run_of("b", 2), run_of("a", 3)};
    runs[2].concurrency = 4;
    EXPECT_EQ(comparable(runs, run_of("a", 9), 20).size(), 1U);
    EXPECT_EQ(comparable({run_of("a", 1), run_of("a", 2), run_of("a", 3)}, run_of("a", 9), 2)[0].speed, 2);
}

TEST(history, a_slower_run_says_what_changed) {
    kept_run now = run_of("a", 3.0);
    EXPECT_THAT(slower_text({run_of("a", 4.5)}, now),
                HasSubstr("3.00 tok/s after 4.50 (-33%). Nothing that is known changed between them."));
    now.driver = "axcl-smi 3.6.4";
    now.corral = "1.1.0";
    now.kernel = "6.12";
    EXPECT_EQ(slower_text({run_of("a", 4.5)}, now),
              "Slower than the run of 2026-01-02 03:04: 3.00 tok/s after 4.50 (-33%). Changed between them: "
              "driver axcl-smi 3.6.2 → axcl-smi 3.6.4, Corral 1.0.0 → 1.1.0.");
    EXPECT_EQ(slower_text({run_of("a", 3.1)}, now), "") << "within what runs differ by";
    EXPECT_EQ(slower_text({}, now), "");
}

TEST(history, the_reports_show_earlier_runs) {
    run_record run = bench_record();
    run.history = {kept_of(run)};
    run.history[0].corral = "0.9.0";
    EXPECT_THAT(markdown_report(run), HasSubstr("## 📈 Earlier Runs"));
    EXPECT_THAT(markdown_report(run), HasSubstr("Corral 0.9.0 → 1.0.0"));
    EXPECT_THAT(html_report(run), HasSubstr("<h2>Earlier runs</h2>"));
    const auto read = read_results(json_report(run), "results.json");
    ASSERT_TRUE(read);
    EXPECT_EQ(html_report(*read), html_report(run));
    const std::string shown = history_text({run.history[0], kept_of(run), run_of("other", 2)}, 80);
    EXPECT_THAT(shown, HasSubstr("qwen3:4b at http://127.0.0.1:11434, set corral\n"));
    EXPECT_THAT(shown, HasSubstr("    changed: Corral 0.9.0 → 1.0.0\n"));
    EXPECT_THAT(shown, HasSubstr("\nother at "));
}

}  // namespace
}  // namespace corral::bench::test

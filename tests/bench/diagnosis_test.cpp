#include "corral/bench/diagnosis.hpp"

#include <gmock/gmock.h>

#include "bench_record.hpp"
#include "corral/bench/report.hpp"

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The figures of the report on the AX650 that was driven from Python: 27 % of the NPU, 0.73 s a token, 7 % of it in
// Python itself (seed 004).
run_record python_loop() {
    run_record run = bench_record();
    run.results.resize(1);
    measurement& seen = run.results[0].seen;
    seen.output_tokens = 100;
    seen.total_s = 74;
    seen.stages.emplace();
    seen.stages->queue_ms = 0;
    seen.stages->reset_ms = 40;
    seen.stages->tokenise_ms = 2;
    seen.stages->prefill_ms = 900;
    seen.stages->decode_ms = 72'900;
    seen.stages->detokenise_ms = 100;
    for (int second = 0; second < 74; ++second) {
        seen.box.add("card 0 AX650N", figure::load, second, 24 + 3 * (second % 3));
        seen.box.add("backend", figure::cpu, second, 1.02);
        seen.box.add("tokenizer", figure::cpu, second, 0.01);
    }
    return run;
}

TEST(low_use, a_loop_on_the_host_is_to_blame_for_a_device_that_waits) {
    EXPECT_EQ(
        low_use_text(python_loop()),
        "card 0 AX650N was busy for 27 % of the time (24 to 30 %). To blame: decode, which takes 99 % of a "
        "request; backend keeps 1.0 CPU cores busy meanwhile: between two calls of the device the host "
        "works.");
}

TEST(low_use, a_slow_tokenizer_is_named) {
    run_record run = python_loop();
    run.results[0].seen.stages->detokenise_ms = 50'000;
    run.results[0].seen.stages->decode_ms = 22'900;
    EXPECT_THAT(low_use_text(run), HasSubstr("To blame: detokenise, which takes 68 % of a request"));
}

TEST(queue, a_wait_that_one_client_does_not_explain_is_told) {
    run_record run = python_loop();
    EXPECT_EQ(queue_text(run), "");
    run.results[0].seen.stages->queue_ms = 60'000;
    EXPECT_THAT(queue_text(run), HasSubstr("Requests waited 45 % of their time for their turn"));
    run.concurrency = 4;
    EXPECT_EQ(queue_text(run), "");
}

TEST(low_use, a_host_at_rest_is_not_blamed) {
    run_record run = python_loop();
    run.results[0].seen.box = {};
    for (int second = 0; second < 10; ++second) {
        run.results[0].seen.box.add("card 0", figure::load, second, 10);
        run.results[0].seen.box.add("runtime", figure::cpu, second, 0.05);
    }
    EXPECT_THAT(low_use_text(run), HasSubstr("the host is at rest meanwhile (0.05 CPU cores)"));
}

TEST(low_use, a_device_that_never_works_is_not_said_to_wait) {
    run_record run = python_loop();
    run.results[0].seen.box = {};
    for (int second = 0; second < 10; ++second) {
        run.results[0].seen.box.add("card 0", figure::load, second, 0);
        run.results[0].seen.box.add("runtime", figure::cpu, second, 0.01);
    }
    EXPECT_THAT(low_use_text(run),
                HasSubstr("either nothing was computed there, or its tool counts none of it"));
}

TEST(low_use, a_host_that_works_now_and_then_has_a_part) {
    run_record run = python_loop();
    run.results[0].seen.box = {};
    for (int second = 0; second < 10; ++second) {
        run.results[0].seen.box.add("card 0", figure::load, second, 10);
        run.results[0].seen.box.add("runtime", figure::cpu, second, 0.45);
    }
    EXPECT_THAT(low_use_text(run),
                HasSubstr("runtime uses 0.5 CPU cores meanwhile: the host has a part in it"));
}

TEST(low_use, a_busy_device_or_too_few_looks_are_no_verdict) {
    run_record run = python_loop();
    run.results[0].seen.box = {};
    run.results[0].seen.box.add("card 0", figure::load, 0, 3);
    EXPECT_THAT(low_use_text(run), IsEmpty());
    for (int second = 0; second < 10; ++second) {
        run.results[0].seen.box.add("card 0", figure::load, second, 80);
    }
    EXPECT_THAT(low_use_text(run), IsEmpty());
}

// 60 s at 4 tok/s, then 60 s at `slow`, while the card warms up to `hottest`.
run_record warming(double hottest, double slow) {
    run_record run = bench_record();
    run.results.resize(1);
    measurement& seen = run.results[0].seen;
    seen.piece_s.clear();
    double at = 0;
    while (at < 120) {
        seen.piece_s.push_back(at);
        at += at < 60 ? 0.25 : 1 / slow;
    }
    seen.pieces = seen.piece_s.size();
    seen.output_tokens = static_cast<std::int64_t>(seen.pieces);
    seen.total_s = 120;
    for (int second = 0; second <= 120; second += 5) {
        seen.box.add("card 0", figure::temperature, second, second < 60 ? hottest - 20 : hottest);
    }
    return run;
}

TEST(heat, speed_that_falls_at_the_limit_is_named) {
    EXPECT_EQ(
        heat_text(warming(85, 2)),
        "Throttled by heat: while card 0 stood at 85 °C, answers came at 2.00 tok/s, against 4.00 below "
        "80 °C (-50%). Cool it better, and measure again.");
}

TEST(heat, a_cool_card_or_a_speed_that_stays_is_no_throttling) {
    EXPECT_THAT(heat_text(warming(52, 2)), IsEmpty()) << "slower, but of something else";
    EXPECT_THAT(heat_text(warming(85, 4)), IsEmpty()) << "hot, but as fast";
    EXPECT_THAT(heat_text(bench_record()), IsEmpty());
}

TEST(heat, is_not_to_blame_for_a_context_that_grew) {
    run_record run = warming(85, 2);
    EXPECT_THAT(heat_text(run), HasSubstr("Throttled"));
    // The same card, but its hot half read a prompt of ten times the length.
    run.results.push_back(run.results[0]);
    for (const bool hot : {false, true}) {
        measurement& seen = run.results[hot ? 1 : 0].seen;
        seen.input_tokens = hot ? 4000 : 400;
        seen.box = {};
        for (int second = 0; second <= 120; second += 5) {
            seen.box.add("card 0", figure::temperature, second, hot ? 85 : 65);
        }
    }
    EXPECT_THAT(heat_text(run), IsEmpty());
}

TEST(diagnoses, are_in_every_form_of_the_report) {
    run_record run = python_loop();
    run.results[0].seen.box.add_health("card 0 310B4: Alarm");
    for (const std::string& text :
         {markdown_report(run), json_report(run), html_report(run), summary(run, 400)}) {
        EXPECT_THAT(text, HasSubstr("busy for 27 % of the time"));
        EXPECT_THAT(text, HasSubstr("The status tool says of card 0 310B4: Alarm."));
    }
    const auto read = read_results(json_report(run), "results.json");
    ASSERT_TRUE(read);
    EXPECT_EQ(markdown_report(*read), markdown_report(run));
    EXPECT_EQ(html_report(*read), html_report(run));
}

TEST(diagnoses, nobody_who_looked_is_said_and_nothing_is_made_up) {
    run_record run = bench_record();
    EXPECT_THAT(markdown_report(run), ::testing::Not(HasSubstr("Resource Utilization")));
    run.unwatched = "the key lacks the scope observe";
    EXPECT_THAT(markdown_report(run),
                HasSubstr("## 🔌 Resource Utilization\n\nNot known: the key lacks the scope observe.\n"));
    EXPECT_THAT(html_report(run), HasSubstr("Not known: the key lacks the scope observe."));
}

}  // namespace
}  // namespace corral::bench::test

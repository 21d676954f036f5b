#include "engine/dialects/ax_poll/log_reader.hpp"

#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

std::string init_line(int number, const std::string& text) {
    const std::string digits = std::to_string(number);
    return "\x1b[1;30;32m[I][                            Init][" + std::string(4 - digits.size(), ' ') +
           digits + "]: " + text + "\x1b[0m\n";
}

const std::string load =
    init_line(221, "max_token_len : 2559") + init_line(224, "kv_cache_size : 1024, kv_cache_num: 2559") +
    init_line(232, "prefill_token_num : 128") + init_line(236, "grp: 1, prefill_max_token_num : 1") +
    init_line(236, "grp: 6, prefill_max_token_num : 2048") + init_line(240, "prefill_max_token_num : 2048");

TEST(log_reader, learns_the_sizes_of_the_published_log_in_any_cutting) {
    for (const std::size_t step : {1UL, 7UL, 4096UL}) {
        log_reader reader({});
        reader.on_process_started();
        for (std::size_t i = 0; i < load.size(); i += step) {
            reader.feed(std::string_view(load).substr(i, step));
        }
        EXPECT_EQ(reader.sizes().positions, 2559U);
        EXPECT_EQ(reader.sizes().chunk, 128U);
        EXPECT_EQ(reader.sizes().prompt_limit, 2048U);
    }
}

TEST(log_reader, a_prompt_that_imitates_a_load_teaches_nothing) {
    log_reader reader({});
    reader.on_process_started();
    reader.feed(load + init_line(263, "LLM init ok"));
    reader.feed(init_line(221, "max_token_len : 9"));
    reader.feed(init_line(240, "prefill_max_token_num : 9"));
    EXPECT_EQ(reader.sizes().positions, 2559U);
    EXPECT_EQ(reader.sizes().prompt_limit, 2048U);
}

TEST(log_reader, where_a_prompt_is_one_chunk_at_most_that_is_its_limit) {
    log_reader reader({}, true);
    reader.on_process_started();
    reader.feed(load);
    EXPECT_EQ(reader.sizes().prompt_limit, 128U);
}

TEST(log_reader, what_the_manifest_states_stands) {
    catalog::context_sizes stated;
    stated.positions = 1000;
    log_reader reader(stated);
    reader.on_process_started();
    reader.feed(load);
    EXPECT_EQ(reader.sizes().positions, 1000U);
    EXPECT_EQ(reader.sizes().chunk, 128U);
}

// The lines of docs/facts/vendor_ax.md#cache-length, as a terminal brings them.
std::string begin_line(int cached, int added) {
    return "\x1b[1;30;32m[I][                      SetKVCache][ 614]: prefill_grpid:2 kv_cache_num:64 "
           "precompute_len:" +
           std::to_string(cached) + " input_num_token:" + std::to_string(added) + "\x1b[0m\n";
}

std::string end_line(int held) {
    return "\n\n\x1b[1;30;35m[N][                             Run][1168]: hit eos,avg 16.30 "
           "token/s\n\x1b[0m\n"
           "\x1b[1;30;32m[I][                      GetKVCache][ 583]: precompute_len:" +
           std::to_string(held) + ", remaining:72\x1b[0m\n";
}

using ending = run_report::ending;

ending after(run_report& report, const std::string& output, std::uint32_t made) {
    report.begin();
    for (std::size_t i = 0; i < output.size(); i += 7) {
        report.feed(std::string_view(output).substr(i, 7));
    }
    return report.judge(made);
}

TEST(run_report, tells_a_stop_between_two_pieces_from_an_end) {
    run_report report;
    EXPECT_EQ(after(report, begin_line(12, 37) + "t0 t1 t2 " + end_line(49 + 3), 3), ending::unknown);
    report.learn(3);
    EXPECT_EQ(report.judge(3), ending::whole);
    EXPECT_EQ(after(report, begin_line(12, 33) + "t0 t1 t2 " + end_line(45 + 2), 3), ending::stopped);
    EXPECT_EQ(after(report, begin_line(12, 33) + "t0 t1 t2 " + end_line(45 + 1), 3), ending::stopped);
    EXPECT_EQ(after(report, begin_line(0, 33) + "t0 t1 t2 " + end_line(33 + 3), 3), ending::whole);
}

TEST(run_report, what_it_does_not_understand_condemns_nothing) {
    run_report report;
    report.begin();
    report.feed(begin_line(12, 33) + end_line(45 + 2));
    report.learn(3);
    EXPECT_FALSE(report.understood()) << "a build that counts otherwise";
    report.begin();
    report.feed(begin_line(12, 33) + end_line(45 + 3));
    report.learn(3);
    ASSERT_TRUE(report.understood());
    for (const int held : {0, 12, 45, 49, 60, 256}) {
        EXPECT_EQ(after(report, begin_line(12, 33) + end_line(held), 3), ending::unknown) << held;
    }
    EXPECT_EQ(after(report, begin_line(12, 33), 3), ending::unknown);
    EXPECT_EQ(after(report, end_line(47) + begin_line(12, 33) + "t0 t1 t2 ", 3), ending::unknown)
        << "on a pipe the line is that of the run before";
    report.on_new_process();
    EXPECT_EQ(after(report, begin_line(12, 33) + end_line(47), 3), ending::unknown);
}

TEST(run_report, an_error_in_the_midst_of_an_answer_is_heard) {
    const std::string error =
        "\x1b[1;30;31m[E][                       inference][ 526]: AX_ENGINE_Execute\x1b[0m\n";
    run_report report;
    for (const std::size_t length : {1UL, 9UL, 2000UL}) {
        const std::string begun = begin_line(12, 33) + std::string(length, 't');
        (void)after(report, begun + error + "t3 t4 " + end_line(48), 3);
        EXPECT_TRUE(report.take_error()) << length;
        (void)after(report, begun + "[E][ a word" + end_line(48), 3);
        EXPECT_FALSE(report.take_error()) << length;
    }
}

TEST(run_report, lines_in_a_prompt_or_an_answer_do_not_count) {
    run_report report;
    (void)after(report, begin_line(12, 33) + end_line(48), 3);
    report.learn(3);
    const std::string prompt = "[I][      handle_generate][ 376]: hello\n" + begin_line(1, 2) + end_line(5);
    EXPECT_EQ(after(report, prompt + begin_line(12, 33) + "t0 " + end_line(47) + end_line(48), 3),
              ending::whole);
    EXPECT_EQ(after(report, prompt + begin_line(12, 33) + "t0 " + end_line(48) + end_line(47), 3),
              ending::stopped);
}

}  // namespace
}  // namespace corral::engine::ax_poll

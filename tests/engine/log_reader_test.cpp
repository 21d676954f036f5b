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

TEST(log_reader, what_the_manifest_states_stands) {
    catalog::context_sizes stated;
    stated.positions = 1000;
    log_reader reader(stated);
    reader.on_process_started();
    reader.feed(load);
    EXPECT_EQ(reader.sizes().positions, 1000U);
    EXPECT_EQ(reader.sizes().chunk, 128U);
}

}  // namespace
}  // namespace corral::engine::ax_poll

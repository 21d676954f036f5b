// Keys of clocks that learn, of signs of life and of the canary.

#include <gtest/gtest.h>

#include "corral/catalog/profile_reader.hpp"

namespace corral::catalog {
namespace {

using core::milliseconds;

const std::string services =
    "[[services]]\nname = \"runtime\"\ncommand = [\"run\", \"{port}\"]\n"
    "stop_loading = [{ signal = \"SIGKILL\", to = \"group\", grace = \"1s\" }]\n"
    "stop_ready = [{ signal = \"SIGKILL\", to = \"group\", grace = \"1s\" }]\n";

std::string profile_with(const std::string& clocks, const std::string& of_service = "") {
    return "name = \"p\"\ndialect = \"d\"\n[clocks]\n" + clocks + services + of_service;
}

std::string problems_of(const profile_reading& read) {
    std::string all;
    for (const diagnostic& each : read.errors) {
        all += each.message + "\n";
    }
    return all;
}

TEST(clock_reader, reads_bounds_beside_the_clocks) {
    const auto read =
        parse_profile(profile_with("decode_stall = \"20s\"\ndecode_stall_floor = \"3s\"\n"
                                   "decode_stall_ceiling = \"1m\"\nprefill_floor = \"8s\"\n",
                                   "start_stall_floor = \"10s\"\nstart_limit_ceiling = \"2h\"\n"),
                      "p.toml");
    ASSERT_TRUE(read.value) << problems_of(read);
    EXPECT_EQ(read.value->clocks.decode_bounds.floor, milliseconds{3000});
    EXPECT_EQ(read.value->clocks.decode_bounds.ceiling, milliseconds{60'000});
    EXPECT_EQ(read.value->clocks.prefill_bounds.floor, milliseconds{8000});
    EXPECT_EQ(read.value->clocks.call_bounds.floor, engine_clocks{}.call_bounds.floor) << "not said";
    EXPECT_EQ(read.value->services.front().start_stall_bounds.floor, milliseconds{10'000});
    EXPECT_EQ(read.value->services.front().start_limit_bounds.ceiling, milliseconds{7'200'000});
}

TEST(clock_reader, bounds_of_one_file_must_fit_each_other) {
    const std::pair<std::string, std::string> wrong[] = {
        {"decode_stall_floor = \"9s\"\ndecode_stall_ceiling = \"8s\"\n",
         "'decode_stall_floor' must not be more than 'decode_stall_ceiling'"},
        {"decode_stall = \"5s\"\ndecode_stall_floor = \"9s\"\n",
         "'decode_stall_floor' must not be more than 'decode_stall'"},
        {"prefill_base = \"5m\"\nprefill_ceiling = \"1m\"\n",
         "'prefill_ceiling' must not be less than 'prefill_base'"},
        {"decode_stall_flor = \"9s\"\n", "did you mean 'decode_stall_floor'?"},
    };
    for (const auto& [text, message] : wrong) {
        const auto read = parse_profile(profile_with(text), "p.toml");
        EXPECT_FALSE(read.value);
        EXPECT_NE(problems_of(read).find(message), std::string::npos) << problems_of(read);
    }
}

TEST(clock_reader, a_start_alone_may_lie_beyond_the_bounds_of_the_default) {
    const auto read = parse_profile(profile_with("decode_stall = \"500ms\"\n"), "p.toml");
    EXPECT_TRUE(read.value) << problems_of(read);
}

TEST(clock_reader, reads_signs_of_life_and_the_canary) {
    const auto read = parse_profile(
        profile_with("",
                     "canary = \"after-restart\"\nliveness = { method = \"OPTIONS\", target = \"/x\", "
                     "status = 204, timeout = \"3s\", interval = \"10s\", failures = 4 }\n"),
        "p.toml");
    ASSERT_TRUE(read.value) << problems_of(read);
    const service_template& service = read.value->services.front();
    EXPECT_EQ(service.canary, canary_mode::after_restart);
    EXPECT_EQ(service.liveness.probe.method, "OPTIONS");
    EXPECT_EQ(service.liveness.probe.target, "/x");
    EXPECT_EQ(service.liveness.probe.status, 204U);
    EXPECT_EQ(service.liveness.probe.timeout, milliseconds{3000});
    EXPECT_EQ(service.liveness.interval, milliseconds{10'000});
    EXPECT_EQ(service.liveness.failures, 4U);
}

TEST(clock_reader, nothing_is_asked_and_the_canary_always_sings_unless_said) {
    const auto read = parse_profile(profile_with(""), "p.toml");
    ASSERT_TRUE(read.value) << problems_of(read);
    EXPECT_EQ(read.value->services.front().liveness.interval, milliseconds{0});
    EXPECT_EQ(read.value->services.front().canary, canary_mode::always);
}

TEST(clock_reader, refuses_what_makes_no_sense) {
    const std::pair<std::string, std::string> wrong[] = {
        {"liveness = { interval = \"5ms\" }\n", "'interval' must be 0 or at least 100ms"},
        {"liveness = { target = \"x\" }\n", "'target' must begin with '/'"},
        {"liveness = { failures = 0 }\n", "'failures' must be"},
        {"liveness = { failure = 2 }\n", "did you mean 'failures'?"},
        {"canary = \"sometimes\"\n", "after-restart"},
    };
    for (const auto& [text, message] : wrong) {
        const auto read = parse_profile(profile_with("", text), "p.toml");
        EXPECT_FALSE(read.value) << text;
        EXPECT_NE(problems_of(read).find(message), std::string::npos) << problems_of(read);
    }
}

}  // namespace
}  // namespace corral::catalog

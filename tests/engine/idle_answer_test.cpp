#include "engine/streaming/idle_answer.hpp"

#include <gtest/gtest.h>

namespace corral::engine::streaming {
namespace {

TEST(idle_answer, is_idle_when_every_slot_says_so) {
    const catalog::idle_probe slots{"/slots", "/*/is_processing", "false"};
    EXPECT_TRUE(says_idle(slots, R"([{"id":0,"is_processing":false},{"id":1,"is_processing":false}])"));
    EXPECT_FALSE(says_idle(slots, R"([{"id":0,"is_processing":false},{"id":1,"is_processing":true}])"));
    EXPECT_FALSE(says_idle(slots, R"([{"id":0}])"));
}

TEST(idle_answer, compares_the_value_as_json) {
    const catalog::idle_probe health{"/health", "/concurrency", "0"};
    EXPECT_TRUE(says_idle(health, R"({"status":"healthy","concurrency":0})"));
    EXPECT_FALSE(says_idle(health, R"({"status":"healthy","concurrency":"0"})"));
    EXPECT_FALSE(says_idle(health, R"({"status":"healthy","concurrency":1})"));
}

TEST(idle_answer, takes_nonsense_for_busy) {
    const catalog::idle_probe health{"/health", "/concurrency", "0"};
    for (const char* const body : {"", "<html>", "[]", "{}", "null", R"({"concurrency":)"}) {
        EXPECT_FALSE(says_idle(health, body)) << body;
    }
    EXPECT_FALSE(says_idle(health, std::string(100'000, '[') + std::string(100'000, ']')));
}

}  // namespace
}  // namespace corral::engine::streaming

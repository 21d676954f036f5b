// What the new program says of itself is read as if a stranger had said it.

#include "corral/upgrade/upgrade_preflight.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace corral::upgrade {
namespace {

using nlohmann::json;

json example() {
    return {{"handover_version", 1},
            {"version", "1.2\x1b[2J"},
            {"models", {{"sim:latest", "12345"}}},
            {"blank", false},
            {"door",
             {{"address", "0.0.0.0"},
              {"port", 11434},
              {"keys", true},
              {"tls", false},
              {"allow_unauthenticated", false}}}};
}

TEST(upgrade_preflight, tells_the_door_that_the_new_program_wants) {
    const auto read = parse_preflight(example().dump());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->version, "1.2\\x1b[2J");
    ASSERT_TRUE(read->door);
    EXPECT_EQ(read->door->listen.port(), 11434);
    EXPECT_TRUE(read->door->keys);
    EXPECT_FALSE(read->blank);
}

TEST(upgrade_preflight, an_older_program_tells_none) {
    json old = example();
    old.erase("door");
    old.erase("blank");
    const auto read = parse_preflight(old.dump());
    ASSERT_TRUE(read);
    EXPECT_FALSE(read->door);
}

TEST(upgrade_preflight, a_door_that_is_none_is_refused) {
    for (const char* member : {"address", "port", "keys", "tls", "allow_unauthenticated"}) {
        json broken = example();
        broken["door"].erase(member);
        EXPECT_FALSE(parse_preflight(broken.dump())) << member;
        for (const json& value : {json("x"), json(-1), json(70000), json(nullptr), json::array({1})}) {
            broken["door"][member] = value;
            EXPECT_FALSE(parse_preflight(broken.dump())) << member << " " << value;
        }
    }
    json broken = example();
    broken["door"] = "open";
    EXPECT_FALSE(parse_preflight(broken.dump()));
}

}  // namespace
}  // namespace corral::upgrade

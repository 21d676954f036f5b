#include <gtest/gtest.h>

#include "corral/chat/render.hpp"
#include "service_wrapper.hpp"

namespace corral::chat::tests {
namespace {

std::string outline(const std::vector<message>& messages) {
    std::string out;
    for (const auto& one : messages) {
        out += one.content + " ";
    }
    return out;
}

// What is left after each drop until nothing can go.
std::vector<std::string> drops(std::vector<message> messages) {
    std::vector<std::string> seen;
    while (drop_oldest_turns(messages, [](const message&) { return false; })) {
        seen.push_back(outline(messages));
        if (seen.size() > 100) {
            ADD_FAILURE() << "never ends";
            break;
        }
    }
    return seen;
}

using steps = std::vector<std::string>;

TEST(drop_oldest_turns, oldest_first_and_the_newest_stays) {
    EXPECT_EQ(drops({says(role::system, "S"), says(role::user, "U1"), says(role::assistant, "A1"),
                     says(role::system, "T"), says(role::user, "U2")}),
              (steps{"S A1 T U2 ", "S T U2 "}));
}

TEST(drop_oldest_turns, calls_go_with_their_results) {
    const auto call = calls("C", {tool_call{}});
    EXPECT_EQ(drops({says(role::user, "U1"), call, says(role::tool, "R1"), says(role::tool, "R2"),
                     says(role::user, "U2")}),
              (steps{"C R1 R2 U2 ", "U2 "}));
    EXPECT_EQ(drops({says(role::user, "U1"), call, says(role::tool, "R1")}), (steps{"C R1 "}));
    EXPECT_EQ(drops({says(role::tool, "R1"), says(role::tool, "R2"), says(role::user, "U")}), (steps{"U "}));
}

TEST(drop_oldest_turns, nothing_to_drop) {
    EXPECT_EQ(drops({}), steps{});
    EXPECT_EQ(drops({says(role::system, "S")}), steps{});
    EXPECT_EQ(drops({says(role::system, "S"), says(role::user, "U"), says(role::system, "T")}), steps{});
}

}  // namespace
}  // namespace corral::chat::tests

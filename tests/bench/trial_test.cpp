#include <gmock/gmock.h>

#include "corral/bench/trial.hpp"

namespace corral::bench::test {
namespace {

const std::string whole =
    "{\"message\":{\"content\":\"Hel\"},\"done\":false}\n   \n"
    "{\"message\":{\"content\":\"lo\",\"thinking\":\"hm\"},\"done\":false}\n"
    "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"length\",\"prompt_eval_count\":7,"
    "\"eval_count\":2,\"prompt_eval_duration\":10,\"eval_duration\":20}\n";

TEST(answer_reader, takes_an_answer_in_any_pieces) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, whole.size()}) {
        measurement seen;
        answer_reader reader(100, seen);
        for (std::size_t at = 0; at < whole.size(); at += size) {
            ASSERT_TRUE(reader.take(std::string_view(whole).substr(at, size), 0.5));
        }
        EXPECT_TRUE(reader.done());
        EXPECT_EQ(seen.text, "Hello");
        EXPECT_EQ(seen.thinking, "hm");
        EXPECT_EQ(seen.pieces, 2U);
        EXPECT_EQ(seen.input_tokens, 7);
        EXPECT_EQ(seen.output_tokens, 2);
        EXPECT_TRUE(seen.truncated);
        EXPECT_EQ(reader.decode_raw(), 20);
    }
}

TEST(answer_reader, blanks_and_empty_lines_are_no_sign_of_life) {
    measurement seen;
    answer_reader reader(100, seen);
    EXPECT_EQ(reader.take("   \n \n", 1).value(), false);
    EXPECT_EQ(reader.take("{\"message\":{\"content\":\"\"},\"done\":false}\n", 1).value(), false);
    EXPECT_EQ(reader.take("{\"message\":{\"content\":\"x\"}}\n", 1).value(), true);
}

TEST(answer_reader, hostile_answers_are_failures) {
    for (const std::string& bytes :
         {std::string("garbage\n"), std::string("[1]\n"), std::string("{\"error\":\"no model\"}\n"),
          std::string("{\"message\":{\"content\":\"\xff\"}}\n"), std::string(5 * 1024 * 1024, ' '),
          "{\"a\":" + std::string(100'000, '[') + "\n"}) {
        measurement seen;
        answer_reader reader(100, seen);
        EXPECT_FALSE(reader.take(bytes, 1)) << bytes.substr(0, 40);
    }
    measurement odd;
    answer_reader reader(100, odd);
    EXPECT_TRUE(reader.take("{\"message\":3,\"eval_count\":-5,\"done\":true}\n", 1));
    EXPECT_FALSE(odd.output_tokens);
}

TEST(answer_reader, a_server_that_ignores_the_limit_is_stopped) {
    measurement seen;
    answer_reader reader(10, seen);
    bool stopped = false;
    for (int i = 0; i < 10'000 && !stopped; ++i) {
        stopped = !reader.take("{\"message\":{\"content\":\"x\"},\"done\":false}\n", 1);
    }
    EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace corral::bench::test

#include "corral/bench/prompt_set.hpp"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

namespace corral::bench::test {
namespace {

using ::testing::HasSubstr;

std::string installed(const std::string& name) {
    std::string file = CORRAL_SOURCE_DIR "/share/bench/";
    file += name;
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

TEST(prompt_set, those_that_come_with_us_have_ten_tests_each) {
    for (const char* const name : {"rk3588.toml", "corral.toml"}) {
        const auto set = parse_prompt_set(installed(name), name);
        ASSERT_TRUE(set) << set.error().message;
        EXPECT_EQ(set->tests.size(), 10U) << name;
    }
    EXPECT_EQ(parse_prompt_set(installed("rk3588.toml"), "x")->tests[5].id, "creativity_01");
}

TEST(prompt_set, what_is_wrong_is_said_with_its_line) {
    const std::string head = "name = \"mine\"\n[[tests]]\nid = \"a\"\n";
    struct row {
        bool after_head;
        const char* text;
        const char* words;
    };
    const row rows[] = {
        {false, "name = \n", "mine.toml:1: "},
        {false, "name = \"mine\"\n", "mine.toml: it must have from 1 to 1000 tables [[tests]]"},
        {true, "", "mine.toml:2: 'title' is missing"},
        {true, "title = \"A\"\nprompt = \"\"\n", "mine.toml:5: 'prompt' must be text that is not empty"},
        {true, "title = \"A\"\npromt = \"x\"\n", "mine.toml:5: 'promt' is no key"},
        {true, "title = \"A\"\nprompt = \"x\"\nmax_tokens = 0\n", "mine.toml:6: 'max_tokens' must be from 1"},
        {true, "title = \"A\"\nprompt = \"x\"\ntools = \"{\"\n",
         "mine.toml:6: 'tools' must hold a JSON array"},
        {true, "title = \"A\"\nprompt = \"x\"\n[[tests]]\nid = \"a\"\ntitle = \"B\"\nprompt = \"y\"\n",
         "mine.toml:6: the id 'a' is there twice"},
        {true, "title = \"A\"\nmessages = [{ role = \"robot\", content = \"x\" }]\n",
         "mine.toml:5: 'role' must be"},
    };
    for (const row& one : rows) {
        std::string text = one.after_head ? head : std::string();
        text += one.text;
        const auto set = parse_prompt_set(text, "mine.toml");
        ASSERT_FALSE(set) << text;
        EXPECT_THAT(set.error().message, HasSubstr(one.words)) << text;
    }
}

}  // namespace
}  // namespace corral::bench::test

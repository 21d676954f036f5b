#include "package/scripts/run_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::package {
namespace {

using words = std::vector<std::string>;

script_command only(std::string_view text) {
    const auto commands = parse_run_script(text);
    EXPECT_TRUE(commands) << (commands ? std::string() : commands.error().message.text());
    EXPECT_EQ(commands ? commands->size() : 0U, 1U);
    return commands && !commands->empty() ? commands->front() : script_command{};
}

struct word_row {
    const char* about;
    std::string_view text;
    words expected;
};

TEST(run_script, words_are_those_that_a_shell_would_give) {
    const word_row rows[] = {
        {"continued lines",
         "./main_api_ax650 \\\n--axmodel_num 36 \\\n--x 1\n",
         {"./main_api_ax650", "--axmodel_num", "36", "--x", "1"}},
        {"a last line without its end", "./main \\\n--x 1 \\", {"./main", "--x", "1"}},
        {"quotes", "./main \"a b\" 'c \"d\"' e\\ f g\"h\"'i'", {"./main", "a b", "c \"d\"", "e f", "ghi"}},
        {"an empty word", "./main --prompt \"\" --image ''", {"./main", "--prompt", "", "--image", ""}},
        {"what a backslash keeps in double quotes", R"(./main "a\"b\\c\nd\$e")", {"./main", R"(a"b\c\nd$e)"}},
        {"DOS line ends", "./main \\\r\n--x 1\r\n", {"./main", "--x", "1"}},
        {"a byte order mark", "\xEF\xBB\xBF./main x", {"./main", "x"}},
        {"comments, which no backslash continues",
         "./main --x 1\n\n# --y \"2\" \\\n# it's \\\n",
         {"./main", "--x", "1"}},
        {"a # within a word", "./main a#b", {"./main", "a#b"}},
        {"variables of the script",
         "DIR=models\nN=\"3 6\"\n./main $DIR/x ${DIR}y \"$N\"",
         {"./main", "models/x", "modelsy", "3 6"}},
        {"a variable made of another", "A=x\nB=\"${A}/y\"\n./main $B", {"./main", "x/y"}},
        {"single quotes put nothing in", "A=x\n./main '$A'", {"./main", "$A"}},
        {"what carries the program", "exec nohup ./main x", {"./main", "x"}},
        {"redirections", "./main --x 1 > log.txt 2>&1 &", {"./main", "--x", "1"}},
        {"a number that is no descriptor", "./main 2 >log", {"./main", "2"}},
        {"a line feed within quotes", "./main \"a\nb\"", {"./main", "a\nb"}},
        {"text of any language",
         "./main \"\xE4\xBD\xA0\xE5\xA5\xBD\"",
         {"./main", "\xE4\xBD\xA0\xE5\xA5\xBD"}},
    };
    for (const word_row& row : rows) {
        SCOPED_TRACE(row.about);
        const script_command found = only(row.text);
        EXPECT_EQ(found.unknown, "");
        EXPECT_EQ(found.words, row.expected);
    }
}

TEST(run_script, several_commands_come_in_order_with_their_lines) {
    const auto found = parse_run_script(
        "#!/bin/sh\nset -e\nexport A=1\npython tok.py --port 12345 &\nB=2 sleep 3; ./main \\\n --x 1\nexit "
        "0\n./never\n");
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), 4U);
    EXPECT_EQ((*found)[1].words, (words{"python", "tok.py", "--port", "12345"}));
    EXPECT_EQ((*found)[2].words, (words{"sleep", "3"}));
    EXPECT_EQ((*found)[2].environment, (std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}}));
    EXPECT_EQ((*found)[3].words, (words{"./main", "--x", "1"}));
    EXPECT_EQ((*found)[3].line, 5U);
    EXPECT_EQ((*found)[3].lines, (std::vector<unsigned>{5, 6, 6})) << "each word in its own";
    EXPECT_EQ((*found)[3].environment, (std::map<std::string, std::string>{{"A", "1"}}));
}

struct refusal_row {
    std::string_view text;
    std::string_view line;
    std::string_view why;
};

TEST(run_script, what_only_a_run_could_tell_is_refused_with_its_line) {
    const refusal_row rows[] = {
        {"if true; then\n./main\nfi\n", "line 1:", "'if'"},
        {"A=1\nfor i in 1 2; do ./main; done", "line 2:", "'for'"},
        {"./main | tee log", "line 1:", "pipe"},
        {"\n./a || ./main", "line 2:", "'||'"},
        {"./main $(nproc)", "line 1:", "output of another command"},
        {"./main `nproc`", "line 1:", "output of another command"},
        {"./main \\\n --x \"$(cat file)\"", "line 2:", "output of another command"},
        {"cd /srv/models\n./main", "line 1:", "'cd'"},
        {"cd \"$(dirname \"$0\")\"\n./main", "line 1:", "output of another command"},
        {"f() { ./main; }\nf", "line 1:", "function"},
        {"source env.sh\n./main", "line 1:", "'source'"},
        {"[ -d x ] && ./main", "line 1:", "'['"},
        {"./main <<END\nx\nEND\n", "line 1:", "input"},
        {"./main \"a", "line 1:", "without its end"},
        {"./main 'a\nb", "line 1:", "without its end"},
        {std::string_view("./main a\0b", 10), "line 1:", "zero byte"},
    };
    for (const refusal_row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto found = parse_run_script(row.text);
        ASSERT_FALSE(found);
        EXPECT_TRUE(found.error().message.text().starts_with(row.line)) << found.error().message;
        EXPECT_NE(found.error().message.text().find(row.why), std::string::npos) << found.error().message;
    }
}

TEST(run_script, a_word_that_is_not_known_is_only_that_commands) {
    for (const std::string_view text :
         {"./main \\\n--prompt \"$1\"", "echo hi\n./main $UNSET/x", "echo hi\n./main *.axmodel",
          "echo hi\n./main ~/x", "A=\"1 2\"\n./main $A", "A=$HOME/x\n./main \"$A\"",
          "echo hi\n./main \"${A:-1}\""}) {
        SCOPED_TRACE(text);
        const auto found = parse_run_script(text);
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_EQ(found->back().words.front(), "./main");
        EXPECT_TRUE(found->back().unknown.starts_with("line ")) << found->back().unknown;
        if (found->size() > 1) {
            EXPECT_EQ(found->front().unknown, "");
        }
    }
}

TEST(run_script, has_bounds) {
    EXPECT_EQ(parse_run_script(std::string(most_script_bytes + 1, ' ')).error().code,
              core::errc::limit_exceeded);
    std::string many = "./main";
    for (std::size_t i = 0; i < most_script_words; ++i) {
        many += " x";
    }
    EXPECT_EQ(parse_run_script(many).error().code, core::errc::limit_exceeded);
    std::string doubling = "A=xxxxxxxxxxxxxxxx\n";
    for (int i = 0; i < 60; ++i) {
        doubling += "A=\"$A$A\"\n";
    }
    EXPECT_EQ(parse_run_script(doubling).error().code, core::errc::limit_exceeded);
}

// Each word is within its own bound.
TEST(run_script, bounds_what_all_words_hold_together) {
    std::string text = "A=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n";
    for (int i = 0; i < 10; ++i) {
        text += "A=$A$A\n";
    }
    const std::string large = text;  // 31 KiB, and as much again on the way
    text += "export";
    for (int i = 0; i < 480; ++i) {
        text += " V" + std::to_string(i) + "=$A";
    }
    const auto values = parse_run_script(text + "\n");
    ASSERT_FALSE(values);
    EXPECT_EQ(values.error().code, core::errc::limit_exceeded);
    EXPECT_THAT(values.error().message.text(), testing::HasSubstr("line 12: its variables put more than"));

    std::string commands = large + "export B=$A C=$A D=$A E=$A F=$A G=$A H=$A I=$A\n";
    EXPECT_TRUE(parse_run_script(commands + "x\nx\nx\n"));
    for (int i = 0; i < 480; ++i) {
        commands += "x\n";
    }
    const auto environments = parse_run_script(commands);
    ASSERT_FALSE(environments);
    EXPECT_EQ(environments.error().code, core::errc::limit_exceeded);
}

TEST(run_script, a_long_name_is_not_told_whole) {
    const auto found = parse_run_script("./main $" + std::string(100'000, 'A'));
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_LT(found->front().unknown.size(), 300U);
}

}  // namespace
}  // namespace corral::package

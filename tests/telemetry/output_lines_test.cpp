#include <gmock/gmock.h>

#include "corral/telemetry/output_lines.hpp"

namespace corral::telemetry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct seen_output {
    std::vector<std::string> lines;
    std::vector<std::string> progress;
    line_assembler assembler;
    explicit seen_output(std::size_t max_line_bytes = 4096)
        : assembler([this](std::string_view line) { lines.emplace_back(line); },
                    [this](std::string_view line) { progress.emplace_back(line); }, max_line_bytes) {}
};

std::vector<std::string> lines_of(std::string_view bytes, std::size_t max_line_bytes = 4096) {
    seen_output seen(max_line_bytes);
    seen.assembler.feed(bytes);
    seen.assembler.finish();
    return seen.lines;
}

struct example {
    std::string bytes;
    std::vector<std::string> lines;
};

TEST(line_assembler, makes_lines) {
    const std::vector<example> examples = {
        {"", {}},
        {"a\nb\n", {"a", "b"}},
        {"a\n\nb", {"a", "", "b"}},
        {"a\r\nb\r\n", {"a", "b"}},
        {"a\r\r\nb", {"a", "b"}},
        {"old\rnew\n", {"new"}},
        {"kept\r", {"kept"}},
        {"\r10%\r20%\rdone\n", {"done"}},
        {"\x1B[1;30;33m\r 20% | \x1B[1;30;32mtokenizer init ok\x1B[0m\n", {" 20% | tokenizer init ok"}},
        {"\x1B]0;title\x07text\n", {"text"}},
        {"\x1B]0;title\x1B\\text\n", {"text"}},
        {"\x1B(Btext\x1B=\n", {"text"}},
        {"a\x1B[2Kb\n", {"ab"}},
        {"tab\there\n", {"tab\there"}},
        {std::string("nul\0bell\x07\x08\x7F.\n", 12), {"nulbell."}},
        {"caf\xC3\xA9 \xE2\x96\x88\n", {"caf\xC3\xA9 \xE2\x96\x88"}},
        {"bad \xFF\xC3(\n", {"bad \xEF\xBF\xBD\xEF\xBF\xBD("}},
        {"\xED\xA0\x80\n", {"\xEF\xBF\xBD"}},
        {"cut \xE2\x96\n", {"cut "}},
    };
    for (const example& one : examples) {
        EXPECT_EQ(lines_of(one.bytes), one.lines) << testing::PrintToString(one.bytes);
    }
}

TEST(line_assembler, does_not_depend_on_how_bytes_arrive) {
    const std::string bytes =
        "start\n\x1B[1;30;33m\r 40% | \xE2\x96\x88\xE2\x96\x88 | 2 / 5 "
        "\x1B[1;30;32mok\x1B[0m\r\n\x1B]0;t\x1B\\after \xC3\xA9\xFF\r\nend";
    const auto whole = lines_of(bytes);
    ASSERT_THAT(whole, testing::SizeIs(4));
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
        for (std::size_t second = first; second <= bytes.size(); second += 7) {
            seen_output seen;
            seen.assembler.feed(std::string_view(bytes).substr(0, first));
            seen.assembler.feed(std::string_view(bytes).substr(first, second - first));
            seen.assembler.feed(std::string_view(bytes).substr(second));
            seen.assembler.finish();
            EXPECT_EQ(seen.lines, whole) << first << ' ' << second;
        }
    }
}

TEST(line_assembler, shows_progress_while_a_line_is_not_finished) {
    seen_output seen;
    seen.assembler.feed("\r 20% one");
    EXPECT_THAT(seen.progress, ElementsAre(" 20% one"));
    seen.assembler.feed("\r");
    EXPECT_THAT(seen.progress, ElementsAre(" 20% one")) << "nothing is overwritten yet";
    seen.assembler.feed(" 40% two\r 60% three");
    EXPECT_THAT(seen.progress, ElementsAre(" 20% one", " 20% one", " 40% two", " 60% three"));
    EXPECT_THAT(seen.lines, IsEmpty());
    seen.assembler.feed("\n");
    EXPECT_THAT(seen.lines, ElementsAre(" 60% three"));
    EXPECT_EQ(seen.progress.size(), 4U);
}

TEST(line_assembler, a_character_in_two_parts_never_shows_as_damage) {
    seen_output seen;
    seen.assembler.feed("x\xE2\x96");
    seen.assembler.feed("\x88y");
    EXPECT_THAT(seen.progress, ElementsAre("x", "x\xE2\x96\x88y"));
}

TEST(line_assembler, cuts_endless_lines_and_goes_on) {
    EXPECT_THAT(lines_of(std::string(1000, 'a').append("\nnext\n"), 10), ElementsAre("aaaaaaaaaa", "next"));
    EXPECT_THAT(lines_of("aaaaaaaaa\xC3\xA9\nnext\n", 10), ElementsAre("aaaaaaaaa", "next"));
    for (const std::string& line : lines_of(std::string(1000, '\xFF').append("\n"), 10)) {
        EXPECT_LE(line.size(), 10U);
    }
}

TEST(line_assembler, an_escape_that_never_ends_swallows_little) {
    EXPECT_THAT(lines_of("\x1B]0;swallowed\nshown\n"), ElementsAre("", "shown"));
    const auto lines = lines_of(std::string("\x1B]").append(5000, 'x').append("\n"));
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_GT(lines[0].size(), 4000U);
    EXPECT_THAT(lines_of("\x1B[12\x1B[0mtext\n"), ElementsAre("text"));
}

}  // namespace
}  // namespace corral::telemetry

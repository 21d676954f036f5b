#include "corral/chat/output_filter.hpp"

#include <random>

#include <gtest/gtest.h>

namespace corral::chat {
namespace {

struct outcome {
    std::string thinking;
    std::string text;
    bool stopped = false;
    bool operator==(const outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const outcome& one) {
    return out << "thinking '" << one.thinking << "' text '" << one.text << "'"
               << (one.stopped ? " stopped" : "");
}

bool whole_characters(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore) ==
           nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Thinking never comes after text; every piece is whole characters and not empty.
void collect(const std::vector<generation_event>& events, outcome& into) {
    for (const auto& event : events) {
        if (const auto* thinking = std::get_if<thinking_event>(&event)) {
            EXPECT_TRUE(into.text.empty());
            EXPECT_FALSE(thinking->text.empty());
            EXPECT_TRUE(whole_characters(thinking->text));
            into.thinking += thinking->text;
        } else if (const auto* text = std::get_if<text_event>(&event)) {
            EXPECT_FALSE(text->text.empty());
            EXPECT_TRUE(whole_characters(text->text));
            into.text += text->text;
        } else {
            ADD_FAILURE() << "an event that is not the filter's";
        }
    }
}

outcome run(const filter_options& how, const std::vector<std::string>& pieces) {
    output_filter filter(how);
    outcome result;
    for (const auto& piece : pieces) {
        collect(filter.feed(piece), result);
    }
    collect(filter.finish(), result);
    result.stopped = filter.stopped();
    EXPECT_TRUE(filter.finish().empty());
    EXPECT_TRUE(filter.feed("after the end").empty());
    return result;
}

filter_options options(std::string_view format, std::vector<std::string> stops = {}, bool separate = false,
                       bool inside = false) {
    filter_options how;
    how.format = find_family(format);
    how.stops = std::move(stops);
    how.separate_thinking = separate;
    how.starts_in_thinking = inside;
    return how;
}

struct sample {
    filter_options how;
    std::string raw;
    outcome expected;
};

const std::vector<sample>& samples() {
    static const std::vector<sample> all{
        {options("chatml"),
         "Gr\xC3\xBC\xC3\x9F Gott \xF0\x9F\x8D\xBA",
         {"", "Gr\xC3\xBC\xC3\x9F Gott \xF0\x9F\x8D\xBA"}},
        {options("chatml"), "Done.<|im_end|>\n<|im_start|>user\nmore", {"", "Done.", true}},
        {options("chatml"), "a <| b <|im_ c", {"", "a <| b <|im_ c"}},
        {options("chatml"), "<think>x</think>y", {"", "<think>x</think>y"}},
        {options("chatml", {"\n\n", "STOP"}), "one\ntwo\n\nthree STOP", {"", "one\ntwo", true}},
        {options("chatml", {"", "STOP"}), "no stop here: STO", {"", "no stop here: STO"}},
        {options("chatml", {"\xC3\xA9t\xC3\xA9"}), "en \xC3\xA9t\xC3\xA9.", {"", "en ", true}},
        {options("chatml"), "bad \xC3( and cut \xE2\x82", {"", "bad \xEF\xBF\xBD( and cut \xEF\xBF\xBD"}},
        {options("qwen3", {}, true), "<think>\nHm.\n</think>\n\nYes.<|im_end|>", {"Hm.", "Yes.", true}},
        {options("qwen3", {}, true), "<think>\n\n</think>\n\nYes.", {"", "Yes."}},
        {options("qwen3", {"Hm"}, true), "<think>\nSo, Hm.\n</think>\n\nYes.", {"So, ", "", true}},
        {options("qwen3", {"</th"}, true), "<think>\nSo </think>Yes", {"So ", "", true}},
        {options("qwen3", {}, true), "<think>\ncut \xE2\x82", {"cut \xEF\xBF\xBD", ""}},
        {options("qwen3", {}, true), "<think>\ncut </thi", {"cut </thi", ""}},
        {options("qwen3", {}, true), "<think>\n<|im_end|>", {"", "", true}},
        {options("qwen3"), "<think>\nHm.\n</think>\n\nYes.", {"", "<think>\nHm.\n</think>\n\nYes."}},
        {options("deepseek-r1", {}, true, true),
         "Hm.\n</think>\n\nYes.<｜end▁of▁sentence｜>",
         {"Hm.", "Yes.", true}},
        {options("deepseek-r1", {}, true, true), "<think>\nHm.\n</think>\n\nYes.", {"Hm.", "Yes."}},
        {options("minicpm"), "a<s>b</s>c", {"", "a<s>b", true}},
    };
    return all;
}

TEST(output_filter, is_the_same_for_every_way_of_cutting) {
    for (const auto& one : samples()) {
        EXPECT_EQ(run(one.how, {one.raw}), one.expected);
        for (std::size_t first = 0; first <= one.raw.size(); ++first) {
            for (std::size_t second = first; second <= one.raw.size(); ++second) {
                EXPECT_EQ(run(one.how, {one.raw.substr(0, first), one.raw.substr(first, second - first),
                                        one.raw.substr(second)}),
                          one.expected)
                    << one.raw << " cut at " << first << " and " << second;
            }
        }
        std::vector<std::string> bytes;
        for (const char byte : one.raw) {
            bytes.emplace_back(1, byte);
        }
        EXPECT_EQ(run(one.how, bytes), one.expected) << one.raw << " byte by byte";
    }
}

std::string random_output(std::mt19937& random) {
    static const std::vector<std::string> words{"<think>",
                                                "</think>",
                                                "<think>\n",
                                                "\n</think>\n\n",
                                                " ",
                                                "\n",
                                                "<",
                                                "</",
                                                "<|im_end|",
                                                "<|im_end|>",
                                                "abc",
                                                "ab",
                                                "b",
                                                "\xC3\xA9",
                                                "\xC3",
                                                "\xA9",
                                                "\xF0\x9F\x98\x80",
                                                "\xF0\x9F",
                                                "<|im_",
                                                "END",
                                                "EN",
                                                "</thi",
                                                "nk>"};
    std::string out;
    for (auto left = random() % 12; left > 0; --left) {
        // The early words are what starts a thinking answer, so that the later states are reached often.
        out += out.empty() && random() % 2 == 0 ? words[0] : words[random() % words.size()];
    }
    return out;
}

std::vector<std::string> random_pieces(const std::string& raw, std::mt19937& random) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < raw.size();) {
        const auto length = random() % 5;  // none at all now and then
        pieces.push_back(raw.substr(at, length));
        at += length;
    }
    return pieces;
}

TEST(output_filter, ten_thousand_random_cuts_change_nothing) {
    const filter_options ways[] = {
        options("chatml", {"END", "abc", "b\xC3\xA9"}),
        options("qwen3", {"END"}, true),
        options("qwen3", {"abc", "b"}, true, true),
        options("qwen3", {"END"}),
        options("qwen3", {}, true),
    };
    std::mt19937 random(20'264);
    for (int round = 0; round < 10'000; ++round) {
        const auto& how = ways[random() % std::size(ways)];
        const auto raw = random_output(random);
        const auto whole = run(how, {raw});
        ASSERT_EQ(run(how, random_pieces(raw, random)), whole) << "round " << round << ": " << raw;
        ASSERT_EQ((whole.text + whole.thinking).find("<|im_end|>"), std::string::npos) << raw;
    }
}

TEST(output_filter, says_at_once_that_the_runtime_may_be_stopped) {
    output_filter filter(options("qwen3", {"END"}, true));
    outcome seen;
    collect(filter.feed("<think>\nHm.\n</think>\n\nYes, E"), seen);
    EXPECT_EQ(seen, (outcome{"Hm.", "Yes, ", false}));
    EXPECT_FALSE(filter.stopped());
    EXPECT_TRUE(filter.feed("ND and more").empty());
    EXPECT_TRUE(filter.stopped());
}

TEST(output_filter, a_plain_answer_is_not_delayed) {
    output_filter filter(options("qwen3", {"\nUser:"}, false));
    const std::string pieces[] = {"The", " sky", " is", " blue", ",\n", "not", " < red", "."};
    const std::string shown[] = {"The", " sky", " is", " blue", ",", "\nnot", " < red", "."};
    for (std::size_t at = 0; at < std::size(pieces); ++at) {
        outcome seen;
        collect(filter.feed(pieces[at]), seen);
        EXPECT_EQ(seen.text, shown[at]);
    }
}

}  // namespace
}  // namespace corral::chat

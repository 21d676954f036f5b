// Random model texts in random pieces: what comes out depends on the text alone. Seeded; a failure is told as
// the shortest text and the fewest pieces that still fail.

#include <algorithm>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "chat/answer/tool_filter.hpp"
#include "chat/answer/utf8_assembler.hpp"
#include "filter_run.hpp"
#include "rounds.hpp"

namespace corral::chat::tests {
namespace {

constexpr int rounds_per_way = test_rounds(500);

using words = std::vector<std::string>;

const words& vocabulary() {
    static const words all{"<think>",
                           "</think>",
                           "<think>\n",
                           "\n</think>\n\n",
                           "<thin",
                           "</thi",
                           "nk>",
                           "<tool_call>",
                           "</tool_call>",
                           "<tool_call>\n",
                           "\n</tool_call>\n",
                           "<tool_cal",
                           "</tool_",
                           "l>",
                           "<|python_tag|>",
                           "<|python_",
                           R"({"name": "f", "arguments": {"x": 1}})",
                           R"({"name": "f", "parameters": {"x": "<"}})",
                           R"({"name":"g"})",
                           R"({"name": "undeclared", "arguments": {}})",
                           R"({'name': 'f', 'arguments': {'y': True,}})",
                           R"({{"name": "f", "arguments": {{}}}})",
                           R"({"name": "f", "arguments": {"t": "</tool_call>"}})",
                           R"({"name": "f", "arguments": "{\"z\": 2}"})",
                           R"({"name": "f", "parameters": {"a": "cut)",
                           "{",
                           "}",
                           "[",
                           "]",
                           "\"",
                           "'",
                           "\\",
                           ":",
                           ",",
                           ";",
                           R"("name")",
                           R"("f")",
                           " ",
                           "\n",
                           " \n ",
                           "<",
                           "</",
                           "abc",
                           "ab",
                           "b",
                           "END",
                           "EN",
                           "<|im_end|>",
                           "<|im_end|",
                           "<|im_",
                           "</s>",
                           "<|eot_id|>",
                           "\xC3\xA9",
                           "\xC3",
                           "\xA9",
                           "\xE2\x82\xAC",
                           "\xE2\x82",
                           "\xF0\x9F\x98\x80",
                           "\xF0\x9F",
                           "\xED\xA0\x80",
                           "\xFF",
                           std::string("\0", 1)};
    return all;
}

words random_text(std::mt19937& random) {
    static const words beginnings{"<think>\n", "<think>", "<tool_call>", "{",
                                  R"({"name": "f", "parameters": {"x": 1}})"};
    words out;
    for (auto left = random() % 14; left > 0; --left) {
        // Beginnings lead into the later states, which would be rare otherwise.
        const auto& from = out.empty() && random() % 2 == 0 ? beginnings : vocabulary();
        out.push_back(from[random() % from.size()]);
    }
    return out;
}

std::string joined(const words& text) {
    std::string out;
    for (const auto& one : text) {
        out += one;
    }
    return out;
}

words random_pieces(const std::string& raw, std::mt19937& random) {
    words pieces;
    const auto longest = 1 + random() % 24;
    for (std::size_t at = 0; at < raw.size();) {
        const auto length = random() % (longest + 1);  // none at all now and then
        pieces.push_back(raw.substr(at, length));
        at += length;
    }
    return pieces;
}

words single_bytes(const std::string& raw) {
    words pieces;
    for (const char byte : raw) {
        pieces.emplace_back(1, byte);
    }
    return pieces;
}

std::string printable(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

// Empty: all is well.
std::string complaint(const filter_options& how, const words& pieces) {
    const auto whole = run_filter(how, {joined(pieces)});
    const auto cut = run_filter(how, pieces);
    if (!whole.problem.empty() || !cut.problem.empty()) {
        return whole.problem + cut.problem;
    }
    if (whole.lines == cut.lines) {
        return {};
    }
    std::ostringstream out;
    for (const auto& [title, seen] : {std::pair{"whole", &whole}, std::pair{"cut", &cut}}) {
        out << "\n  " << title << ":";
        for (const auto& line : seen->lines) {
            out << "\n    " << printable(line);
        }
    }
    return out.str();
}

// Takes pieces away, joins neighbours and shortens them as long as the rest still fails.
words shortest_failing(const filter_options& how, words pieces) {
    for (bool smaller = true; smaller;) {
        smaller = false;
        for (std::size_t at = 0; at < pieces.size() && !smaller; ++at) {
            std::vector<words> less(4, pieces);
            less[0].erase(less[0].begin() + static_cast<std::ptrdiff_t>(at));
            less[1][at].erase(0, 1);
            less[2][at].erase(less[2][at].size() - std::min<std::size_t>(1, less[2][at].size()));
            if (at + 1 < pieces.size()) {
                less[3][at] += less[3][at + 1];
                less[3].erase(less[3].begin() + static_cast<std::ptrdiff_t>(at) + 1);
            }
            for (auto& one : less) {
                if (one != pieces && !complaint(how, one).empty()) {
                    pieces = std::move(one);
                    smaller = true;
                    break;
                }
            }
        }
    }
    return pieces;
}

std::string report(const filter_options& how, const words& pieces) {
    const auto shortest = shortest_failing(how, pieces);
    std::ostringstream out;
    out << how.format->name << (how.separate_thinking ? " thinking" : "")
        << (how.starts_in_thinking ? " from the start" : "") << (how.tool_names.empty() ? "" : " tools")
        << (how.one_call ? " one call" : "") << ", pieces:";
    for (const auto& one : shortest) {
        out << ' ' << printable(one);
    }
    out << complaint(how, shortest);
    return out.str();
}

// Every family with every choice.
std::vector<filter_options> all_ways() {
    std::vector<filter_options> ways;
    for (const auto* format : families()) {
        for (unsigned choice = 0; choice < 12; ++choice) {
            filter_options how;
            how.format = format;
            how.separate_thinking = choice % 3 != 0;
            how.starts_in_thinking = choice % 3 == 2;
            if (choice / 3 % 2 == 1) {
                how.tool_names = {"f", "g"};
            }
            if (choice / 6 == 1) {
                how.stops = {"END", "abc", "b\xC3\xA9", "</", "\"f\""};
            }
            ways.push_back(std::move(how));
        }
    }
    return ways;
}

TEST(output_filter_property, the_pieces_do_not_matter) {
    std::mt19937 random(20'267);
    int cuts = 0;
    for (auto how : all_ways()) {
        for (int round = 0; round < rounds_per_way; ++round) {
            how.one_call = round % 3 == 0;
            const auto raw = joined(random_text(random));
            const auto pieces = round % 10 == 0 ? single_bytes(raw) : random_pieces(raw, random);
            ++cuts;
            if (!complaint(how, pieces).empty()) {
                FAIL() << report(how, pieces);
            }
        }
    }
    EXPECT_GE(cuts, 10'000);
}

// Looking for calls costs nothing of an answer that holds none.
TEST(output_filter_property, without_a_call_everything_is_shown_as_it_was_written) {
    std::mt19937 random(20'268);
    int compared = 0;
    for (const auto& how : all_ways()) {
        // Where thinking is apart, an opening tag ends it, whatever follows; what a stop cuts of a call is gone.
        for (int round = 0;
             round < rounds_per_way && !how.tool_names.empty() && !how.separate_thinking && how.stops.empty();
             ++round) {
            const auto raw = joined(random_text(random));
            const auto with = run_filter(how, {raw}).lines;
            if (std::any_of(with.begin(), with.end(),
                            [](const auto& line) { return line.starts_with("call"); })) {
                continue;
            }
            auto plain = how;
            plain.tool_names.clear();
            ASSERT_EQ(with, run_filter(plain, {raw}).lines) << printable(raw);
            ++compared;
        }
    }
    EXPECT_GE(compared, 1'000);
}

std::string shown(const std::vector<generation_event>& events) {
    std::string out;
    for (const auto& event : events) {
        const auto* call = std::get_if<tool_call_event>(&event);
        out += call == nullptr ? std::get<text_event>(event).text : "[" + call->call.name + "]";
    }
    return out;
}

// The bound counts from the tag, not from where a piece began.
TEST(output_filter_property, what_is_too_long_for_a_call_does_not_depend_on_the_pieces) {
    std::mt19937 random(20'270);
    std::size_t too_long = 0;
    for (int round = 0; round < test_rounds(10'000); ++round) {
        const auto style = round % 2 == 0 ? tool_style::hermes : tool_style::llama_json;
        const auto raw = utf8_assembler().feed(joined(random_text(random)));
        const std::size_t bound = random() % 80;
        tool_filter whole(*syntax_of(style), {"f", "g"}, bound);
        auto expected = shown(whole.feed(raw));
        expected += shown(whole.finish(false));
        tool_filter cut(*syntax_of(style), {"f", "g"}, bound);
        std::string seen;
        for (const auto& piece : random_pieces(raw, random)) {
            seen += shown(cut.feed(piece));
        }
        seen += shown(cut.finish(false));
        ASSERT_EQ(seen, expected) << printable(raw) << " bound " << bound;
        tool_filter unbounded(*syntax_of(style), {"f", "g"});
        auto all = shown(unbounded.feed(raw));
        all += shown(unbounded.finish(false));
        too_long += all != expected ? 1 : 0;
    }
    EXPECT_GT(too_long, test_rounds(100U));
}

// Answers made of known parts come out as those parts, however they were cut.
TEST(output_filter_property, well_formed_answers_come_out_as_they_were_meant) {
    const auto* format = find_family("qwen3");
    ASSERT_NE(format, nullptr);
    filter_options how;
    how.format = format;
    how.separate_thinking = true;
    how.tool_names = {"f", "g"};
    const words texts{"Let me see.", "Gr\xC3\xBC\xC3\x9F <b> { \xF0\x9F\x8D\xBA", "</think> stays",
                      "\"x\": 1"};
    const std::pair<const char*, const char*> calls[] = {
        {R"({"name": "f", "arguments": {"city": "S\u00e3o </tool_call>", "n": [1, {"a": null}]}})",
         "call: f {\"city\":\"S\xC3\xA3o </tool_call>\",\"n\":[1,{\"a\":null}]}"},
        {R"({"name": "g", "parameters": "{\"z\": 1, \"a\": 2}"})", R"(call: g {"z":1,"a":2})"},
        {R"({'name': 'f', 'arguments': {'b': True,}})", R"(call: f {"b":true})"},
    };
    std::mt19937 random(20'269);
    for (int round = 0; round < test_rounds(1'000); ++round) {
        std::string raw = "<think>\nHm, <tool.\n</think>\n\n";
        words expected{"thinking: Hm, <tool."};
        for (auto left = 1 + random() % 5; left > 0; --left) {
            if (expected.back().starts_with("text") || random() % 2 == 0) {
                const auto& [written, meant] = calls[random() % std::size(calls)];
                raw += "\n<tool_call>\n";
                raw += written;
                raw += "\n</tool_call>\n";
                expected.emplace_back(meant);
            } else {
                const auto& text = texts[random() % texts.size()];
                raw += text;
                expected.push_back("text: " + text);
            }
        }
        const auto seen = run_filter(how, random_pieces(raw, random));
        ASSERT_EQ(seen.lines, expected) << printable(raw);
        ASSERT_EQ(seen.problem, "") << printable(raw);
    }
}

// Neither a tag nor a beginning of one that was cut off stands in `text`.
std::string leaked_tag(const std::string& text) {
    for (const std::string tag : {"<think>", "</think>", "<tool_call>", "</tool_call>"}) {
        for (std::size_t part = 2; part <= tag.size(); ++part) {
            if (text.ends_with(tag.substr(0, part)) || text.find(tag) != std::string::npos) {
                return tag.substr(0, part);
            }
        }
    }
    return {};
}

// An answer that a model of Qwen may write, by what it was told of thinking.
std::string written_answer(bool thinks, bool inside, std::mt19937& random) {
    std::string raw;
    if (thinks) {
        raw = inside              ? "Hm, 2 < 3."
              : random() % 2 == 0 ? "<think>\n<think>\nHm, 2 < 3."
                                  : "<think>\nHm, 2 < 3.";
        raw += "\n</think>\n\n";
    } else if (random() % 4 != 0) {
        raw = "<think>\n\n</think>\n\n";
    }
    const words parts{"Let me see.\n", "Gr\xC3\xBC\xC3\x9F a < b \n",
                      "\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>\n",
                      "<tool_call>\n{\"name\": \"g\"}\n</tool_call>\n"};
    for (auto left = random() % 4; left > 0; --left) {
        raw += parts[random() % parts.size()];
    }
    return raw;
}

TEST(output_filter_property, no_stop_and_no_limit_shows_a_tag) {
    const words endings{"\n",     "think", "<",  "</think>", "\n\n",    "k>",    "tool", "call>", "{",
                        "\"name", "}",     "Hm", "see",      "<think>", "</too", "_",    ">",     " "};
    std::mt19937 random(20'271);
    unsigned stopped = 0;
    unsigned limited = 0;
    for (int round = 0; round < test_rounds(10'000); ++round) {
        filter_options how;
        how.format = find_family("qwen3");
        const bool thinks = random() % 2 == 0;
        how.separate_thinking = true;
        how.starts_in_thinking = thinks && random() % 2 == 0;
        how.stops_see_thinking = thinks && random() % 2 == 0;
        how.tool_names = {"f", "g"};
        for (auto left = random() % 3; left > 0; --left) {
            how.stops.push_back(endings[random() % endings.size()]);
        }
        auto raw = written_answer(thinks, how.starts_in_thinking, random);
        const bool cut = random() % 2 == 0;
        raw.resize(cut ? random() % (raw.size() + 1) : raw.size());
        output_filter filter(how);
        std::string texts;
        std::string thoughts;
        const auto take = [&](const std::vector<generation_event>& events) {
            for (const auto& event : events) {
                if (const auto* thinking = std::get_if<thinking_event>(&event)) {
                    thoughts += thinking->text;
                } else if (const auto* text = std::get_if<text_event>(&event)) {
                    texts += text->text;
                }
            }
        };
        for (const auto& piece : random_pieces(raw, random)) {
            take(filter.feed(piece));
        }
        take(filter.finish(cut));
        ASSERT_EQ(leaked_tag(texts), "") << printable(raw) << " stops " << printable(joined(how.stops));
        ASSERT_EQ(leaked_tag(thoughts), "") << printable(raw) << " stops " << printable(joined(how.stops));
        stopped += filter.stopped() ? 1U : 0U;
        limited += cut ? 1U : 0U;
    }
    EXPECT_GT(stopped, test_rounds(1'000U));
    EXPECT_GT(limited, 1'000U);
}

// The first words that a client sees of an answer are the model's, whatever it stops at.
TEST(output_filter_property, a_hidden_block_is_not_there_for_stops) {
    for (const char* stop : {"\n", "think", "<", ">", "\n\n"}) {
        filter_options how;
        how.format = find_family("qwen3");
        how.stops = {stop};
        how.stops_see_thinking = false;
        how.separate_thinking = true;
        const auto seen = run_filter(how, single_bytes("<think>\n\n</think>\n\nYes"));
        EXPECT_EQ(seen.lines, words{"text: Yes"}) << printable(stop);
    }
}

}  // namespace
}  // namespace corral::chat::tests

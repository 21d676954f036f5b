#include "runtime/language_model.hpp"

#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

namespace corral::sim {
namespace {

using nlohmann::json;

constexpr std::string_view user_mark = "<|im_start|>user\n";
constexpr std::string_view end_mark = "<|im_end|>";
constexpr std::string_view no_think_mark = "/no_think";

struct canned_answer {
    std::string_view keyword;
    std::string_view text;
};

constexpr std::array<canned_answer, 7> canned_answers{{
    {"hello",
     "Hello! It is good to hear from you. I run on a small board with a neural chip, so I take my time, but "
     "I read every "
     "word. Ask me a question, give me a text to work on, or tell me what you want to build, and we will do "
     "it step by "
     "step."},
    {"weather",
     "I cannot look out of a window, so I do not know the weather where you are. In general a falling "
     "barometer means "
     "wind and rain, and a rising one means that the sky will clear. If you give me the numbers for your "
     "city I will "
     "gladly read them for you."},
    {"story",
     "Once there was a lighthouse keeper who wrote a letter every evening and never sent one. When a storm "
     "broke the lamp, "
     "he burned the letters to keep a light on the water. In the morning a ship came into the harbour, and "
     "its captain "
     "said that he had read every word in the flame."},
    {"code",
     "Here is a short function that adds the numbers in a list:\n\n```python\ndef total(values):\n    result "
     "= 0\n    for "
     "value in values:\n        result += value\n    return result\n```\n\nIt starts at zero, adds one value "
     "at a time, "
     "and returns the sum. An empty list gives zero."},
    {"capital",
     "The capital of France is Paris. It lies on the river Seine, has been the seat of the government for "
     "most of the "
     "history of the country, and is home to about two million people, with many more in the towns around "
     "it."},
    {"why",
     "There are usually three reasons. First, the simple cause that you see at once. Second, the cause "
     "behind it, which "
     "was there long before. Third, the habit that let both of them stay. Start with the second one, because "
     "it is the "
     "one that you can change."},
    {"count",
     "One, two, three, four, five, six, seven, eight, nine, ten. That is as far as most people need. If you "
     "want to go on, "
     "add one to the last number, and do it again until you are tired."},
}};

constexpr std::array<std::string_view, 3> general_answers{{
    "That is a good question. The short answer is that it depends on what you want to do with it. Think "
    "first about the "
    "result that you need, then about the smallest step that gets you closer, and test that step before you "
    "take the "
    "next one. In this way you will see early what works and what does not.",
    "Let me put it in a few words. A thing is easy to use when it does what its name says, when it tells you "
    "what went "
    "wrong, and when it leaves nothing behind. Everything else can be added later, and most of it is never "
    "missed.",
    "I would begin with a list of what you know and what you do not know. Take the first thing that you do "
    "not know and "
    "find the person who does. Write the answer down in one sentence. After five such sentences you will see "
    "the whole "
    "picture, and the rest is work that can be done in any order.",
}};

std::string_view last_user_turn(std::string_view text) {
    const auto begin = text.rfind(user_mark);
    if (begin == std::string_view::npos) return text;
    const auto turn = text.substr(begin + user_mark.size());
    return turn.substr(0, turn.find(end_mark));
}

std::string lower(std::string_view text) {
    std::string out;
    for (char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::string_view choose_answer(std::string_view turn) {
    const auto words = lower(turn);
    for (const auto& answer : canned_answers)
        if (words.find(answer.keyword) != std::string::npos) return answer.text;
    std::size_t sum = 0;
    for (char c : turn) sum = sum * 31 + static_cast<unsigned char>(c);
    return general_answers[sum % general_answers.size()];
}

std::string tool_call_for(const json& function) {
    json arguments = json::object();
    const auto parameters = function.value("parameters", json::object());
    const auto properties =
        parameters.is_object() ? parameters.value("properties", json::object()) : json::object();
    for (const auto& [name, schema] : properties.items()) {
        const auto type = schema.is_object() ? schema.value("type", json("string")) : json("string");
        if (type == "integer" || type == "number")
            arguments[name] = 1;
        else if (type == "boolean")
            arguments[name] = true;
        else
            arguments[name] = name == "city" || name == "location" ? "Paris" : "example";
    }
    return "<tool_call>\n{\"name\": " + function.value("name", json("get_weather")).dump() +
           ", \"arguments\": " + arguments.dump() + "}\n</tool_call>";
}

std::string tool_answer(std::string_view cache_text, std::string_view turn) {
    if (turn.find("<tool_response>") != std::string_view::npos)
        return "The tool has answered, and its result settles the question: everything is as it should be, "
               "and there is "
               "nothing more to look up.";
    json function{{"name", "get_weather"},
                  {"parameters", {{"properties", {{"city", {{"type", "string"}}}}}}}};
    const auto begin = cache_text.find("<tools>\n");
    if (begin != std::string_view::npos) {
        auto line = cache_text.substr(begin + 8);
        line = line.substr(0, line.find('\n'));
        const auto tool = json::parse(line, nullptr, false);
        if (tool.is_object() && tool.contains("function") && tool["function"].is_object())
            function = tool["function"];
        else if (tool.is_object() && tool.contains("name"))
            function = tool;
    }
    return tool_call_for(function);
}

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'n') {
            out += '\n';
            ++i;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Special tokens in words that no client takes for the end of a turn.
std::string harmless(std::string text) {
    for (const auto& [special, plain] : {std::pair{"<|", "{"}, std::pair{"|>", "}"}}) {
        for (auto at = text.find(special); at != std::string::npos; at = text.find(special, at)) {
            text.replace(at, 2, plain);
        }
    }
    return text;
}

std::optional<std::size_t> number_of(std::string_view turn, std::string_view directive) {
    const auto at = turn.find(directive);
    if (at == std::string_view::npos) return std::nullopt;
    std::size_t count = 0;
    for (char c : turn.substr(at + directive.size())) {
        if (c < '0' || c > '9' || count > 1'000'000) break;
        count = count * 10 + static_cast<std::size_t>(c - '0');
    }
    return count;
}

// What of a text is left where the prompt ends with its beginning: a model goes on with an answer that has begun.
std::string rest_of(const std::string& text, std::string_view cache_text) {
    constexpr std::string_view header = "<|im_start|>assistant\n";
    constexpr std::string_view thoughts_end = "</think>\n\n";
    const auto at = cache_text.rfind(header);
    if (at == std::string_view::npos) return text;
    std::string_view begun = cache_text.substr(at + header.size());
    if (text.starts_with(begun)) return text.substr(begun.size());
    if (const auto end = begun.rfind(thoughts_end); end != std::string_view::npos)
        begun.remove_prefix(end + thoughts_end.size());
    return text.starts_with(begun) ? text.substr(begun.size()) : text;
}

std::optional<output_plan> plan_from_directives(std::string_view turn, std::string_view cache_text,
                                                std::string_view name) {
    if (turn.find("[[echo]]") != std::string_view::npos)
        return output_plan{vocabulary::instance().encode_plain(harmless(std::string(cache_text))), false};
    if (const auto at = turn.find("[[model="); at != std::string_view::npos) {
        const auto rest = turn.substr(at + 8);
        return output_plan{vocabulary::instance().encode_plain(std::string(name) + " " +
                                                               unescape(rest.substr(0, rest.find("]]")))),
                           false};
    }
    if (const auto at = turn.find("[[text="); at != std::string_view::npos) {
        const auto rest = turn.substr(at + 7);
        const auto text = unescape(rest.substr(0, rest.find("]]")));
        return output_plan{vocabulary::instance().encode_plain(rest_of(text, cache_text)), false};
    }
    if (const auto count = number_of(turn, "[[n=")) {
        output_plan plan;
        for (std::size_t i = 0; i < *count; ++i) plan.tokens.push_back(filler_token(i));
        return plan;
    }
    if (turn.find("[[never_end]]") != std::string_view::npos) return output_plan{{}, true};
    return std::nullopt;
}

std::string say(const scenario& settings, std::string_view cache_text, std::string_view turn) {
    if (settings.mode == "think")
        return "<think>\nThe user wants an answer. I look at the question, take the simplest reading, and "
               "check that the "
               "answer fits it.\n</think>\n\n" +
               std::string(choose_answer(turn));
    std::string out;
    if (settings.no_think_prefix && turn.ends_with(no_think_mark)) out = "<think>\n\n</think>\n\n";
    out += settings.mode == "tool" ? tool_answer(cache_text, turn) : std::string(choose_answer(turn));
    return out;
}

}  // namespace

void obey_prompt(const output_plan& plan, std::size_t index, fault_switches& faults) {
    const nlohmann::json here{{"phase", "decode"}};
    if (plan.hangs_at && index >= *plan.hangs_at) faults.set("device_hang", true, here);
    if (plan.dies_at && index >= *plan.dies_at) faults.set("kill_at", "once", here);
}

int filler_token(std::size_t index) {
    static const std::array<int, 10> words = [] {
        constexpr std::array<std::string_view, 10> texts{" one", " two",   " three", " four", " five",
                                                         " six", " seven", " eight", " nine", " ten"};
        std::array<int, 10> ids{};
        for (std::size_t i = 0; i < texts.size(); ++i)
            ids[i] = vocabulary::instance().encode_plain(texts[i]).front();
        return ids;
    }();
    return words[index % words.size()];
}

output_plan plan_output(const scenario& settings, std::span<const int> cache, std::string_view name) {
    const auto& words = vocabulary::instance();
    const auto text = words.decode(cache);
    const auto turn = last_user_turn(text);
    if (settings.directives)
        if (auto plan = plan_from_directives(turn, text, name)) {
            plan->hangs_at = number_of(turn, "[[hang=");
            plan->dies_at = number_of(turn, "[[die=");
            return *plan;
        }
    // Echoed special texts are ordinary text, or the first <|im_end|> would end the run.
    if (settings.mode == "echo") return {words.encode_plain(text), false};
    return {words.encode(say(settings, text, turn)), false};
}

}  // namespace corral::sim

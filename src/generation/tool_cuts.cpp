#include "generation/tool_cuts.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "corral/core/text.hpp"
#include "generation/request_preparation.hpp"
#include "generation/turn_cuts.hpp"

namespace corral::generation {

namespace {

using json = nlohmann::ordered_json;
using word_set = std::set<std::string, std::less<>>;

// Schemas nest; what lies deeper stays as it is.
constexpr unsigned deepest_schema = 32;

std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_upper(char c) {
    return core::is_letter(c) && core::lower_case(c) != c;
}

// "get_weather", "getWeather" and "HTTPWeather": their words in lower case, plurals as singulars.
word_set words_of(std::string_view text) {
    word_set out;
    std::string word;
    const auto end_word = [&] {
        if (word.size() > 3 && word.ends_with('s')) {
            word.pop_back();
        }
        if (!word.empty()) {
            out.insert(std::move(word));
        }
        word.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
        if (!beyond_ascii && !core::is_letter(c) && !core::is_digit(c)) {
            end_word();
            continue;
        }
        const bool after_lower = i > 0 && !is_upper(text[i - 1]);
        const bool before_lower =
            i + 1 < text.size() && core::is_letter(text[i + 1]) && !is_upper(text[i + 1]);
        if (is_upper(c) && (after_lower || before_lower)) {
            end_word();
        }
        word += core::lower_case(c);
    }
    end_word();
    return out;
}

// Of what the person wants, which mostly stands at the beginning or the end.
word_set wanted_words(const std::vector<chat::message>& conversation) {
    constexpr std::size_t most = 4096;
    const chat::message* const task = task_of(conversation);
    const std::string_view text = task == nullptr ? std::string_view() : persons_words(task->content);
    word_set out = words_of(text.substr(0, most));
    out.merge(words_of(text.substr(text.size() - std::min(text.size(), most))));
    return out;
}

word_set called_names(const std::vector<chat::message>& conversation) {
    word_set out;
    for (const chat::message& each : conversation) {
        out.insert(each.tool_name);
        for (const chat::tool_call& call : each.calls) {
            out.insert(call.name);
        }
    }
    return out;
}

// The indices of the tools, best first: those called, then by the words of the task in their names, then by those in
// the rest of their definitions. A word counts the more the fewer tools have it; one that many have tells nothing of
// them.
std::vector<std::size_t> ranked(const json& tools, const std::vector<chat::message>& conversation) {
    constexpr std::size_t shortest_word = 4;
    constexpr std::size_t few = 3;  // one tool of so many
    constexpr std::size_t name = 1'000'000;
    constexpr std::size_t best = ~std::size_t{0};
    const word_set wanted = wanted_words(conversation);
    const word_set called = called_names(conversation);
    std::vector<std::size_t> scores(tools.size(), 0);
    std::vector<word_set> named;
    std::vector<word_set> said;
    for (const json& tool : tools) {
        named.push_back(words_of(tool_name(tool)));
        said.push_back(words_of(text_of(tool)));
    }
    for (const std::string& word : wanted) {
        const auto has = [&word](const word_set& words) { return words.contains(word); };
        const auto in_names = static_cast<std::size_t>(std::count_if(named.begin(), named.end(), has));
        const auto in_all = static_cast<std::size_t>(std::count_if(said.begin(), said.end(), has));
        const bool tells = word.size() >= shortest_word && in_all * few <= tools.size();
        for (std::size_t i = 0; i < scores.size(); ++i) {
            if (has(named[i])) {
                scores[i] += name * tools.size() / in_names;
            } else if (tells && has(said[i])) {
                scores[i] += tools.size() / in_all;
            }
        }
    }
    std::vector<std::pair<std::size_t, std::size_t>> order;  // what is smaller is better
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const std::string_view own = tool_name(tools[i]);
        order.emplace_back(called.contains(own) && !own.empty() ? 0 : best - scores[i], i);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::size_t> out;
    for (const auto& each : order) {
        out.push_back(each.second);
    }
    return out;
}

void keep_first_sentence(json& description, std::size_t most) {
    const std::string_view text = core::trimmed(description.get_ref<const std::string&>());
    const std::string_view line = core::trimmed(text.substr(0, text.find('\n')));
    const std::size_t stop = line.find(". ");
    const std::string_view out = line.substr(0, stop == std::string_view::npos ? line.size() : stop + 1);
    description = std::string(out.substr(0, character_start(out, most)));
}

// Of a schema and what lies in it, the descriptions.
void shorten_schema(json& schema, unsigned depth) {
    constexpr std::size_t most = 60;
    constexpr std::array<std::string_view, 5> values{"enum", "const", "default", "example", "examples"};
    if (depth > deepest_schema || !schema.is_structured()) {
        return;
    }
    for (auto& [key, value] : schema.items()) {
        if (!schema.is_object() || std::find(values.begin(), values.end(), key) == values.end()) {
            if (schema.is_object() && key == "description" && value.is_string()) {
                keep_first_sentence(value, most);
            } else {
                shorten_schema(value, depth + 1);
            }
        }
    }
}

// Leaves names and types.
void to_signature(json& schema, unsigned depth) {
    constexpr std::array<std::string_view, 5> kept{"type", "required", "enum", "const", "$ref"};
    constexpr std::array<std::string_view, 4> nested{"items", "anyOf", "oneOf", "allOf"};
    constexpr std::array<std::string_view, 3> named{"properties", "$defs", "definitions"};
    const auto is_in = [](const auto& names, std::string_view key) {
        return std::find(names.begin(), names.end(), key) != names.end();
    };
    if (depth > deepest_schema || !schema.is_structured()) {
        return;
    }
    if (schema.is_array()) {
        for (json& each : schema) {
            to_signature(each, depth + 1);
        }
        return;
    }
    json out = json::object();
    for (auto& [key, value] : schema.items()) {
        if (is_in(nested, key)) {
            to_signature(value, depth + 1);
        } else if (is_in(named, key) && value.is_object()) {
            for (json& each : value) {
                to_signature(each, depth + 1);
            }
        } else if (!is_in(kept, key)) {
            continue;
        }
        out[key] = std::move(value);
    }
    schema = std::move(out);
}

enum class detail { whole, brief, signature, bare };

json shortened(json tool, detail left) {
    constexpr std::size_t most = 120;
    const auto function = tool.is_object() ? tool.find("function") : tool.end();
    if (left == detail::whole || function == tool.end() || !function->is_object()) {
        return tool;
    }
    const auto said = function->find("description");
    if (said != function->end() && said->is_string()) {
        if (left == detail::bare) {
            function->erase(said);
        } else {
            keep_first_sentence(*said, most);
        }
    }
    const auto parameters = function->find("parameters");
    if (parameters != function->end() && left == detail::brief) {
        shorten_schema(*parameters, 0);
    } else if (parameters != function->end()) {
        to_signature(*parameters, 0);
    }
    return tool;
}

}  // namespace

std::size_t tool_bytes(const json& tools) {
    return tools.is_array() && !tools.empty() ? text_of(tools).size() : 0;
}

tool_cuts cut_tools(json& tools, const std::vector<chat::message>& conversation, std::size_t room) {
    tool_cuts out;
    if (tool_bytes(tools) <= room) {
        return out;
    }
    json all;
    for (const detail left : {detail::brief, detail::signature, detail::bare}) {
        all = json::array();
        for (const json& tool : tools) {
            all.push_back(shortened(tool, left));
        }
        if (tool_bytes(all) <= room) {
            break;
        }
    }
    std::vector<bool> stays(all.size(), tool_bytes(all) <= room);
    if (tool_bytes(all) > room) {
        std::size_t left = room;
        for (const std::size_t i : ranked(tools, conversation)) {
            const std::size_t bytes = text_of(all[i]).size() + 2;
            stays[i] = bytes <= left;
            left -= stays[i] ? bytes : 0;
        }
    }
    json rest = json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (stays[i]) {
            out.descriptions += all[i] == tools[i] ? 0 : 1;
            rest.push_back(std::move(all[i]));
        }
    }
    out.tools = tools.size() - rest.size();
    tools = rest.empty() ? json(nullptr) : std::move(rest);
    return out;
}

}  // namespace corral::generation

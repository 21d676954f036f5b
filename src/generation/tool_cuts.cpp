#include "generation/tool_cuts.hpp"

#include <algorithm>
#include <array>
#include <map>
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
using words = std::set<std::string, std::less<>>;

// Schemas nest; what lies deeper stays as it is.
constexpr unsigned deepest_schema = 32;

std::string text_of(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_upper(char c) {
    return core::is_letter(c) && core::lower_case(c) != c;
}

// "get_weather", "getWeather" and "HTTPWeather": their words in lower case, plurals as singulars.
words words_of(std::string_view text) {
    words out;
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
words wanted_words(const std::vector<chat::message>& conversation) {
    constexpr std::size_t most = 4096;
    const chat::message* const task = task_of(conversation);
    const std::string_view text = task == nullptr ? std::string_view() : std::string_view(task->content);
    words out = words_of(text.substr(0, most));
    out.merge(words_of(text.substr(text.size() - std::min(text.size(), most))));
    return out;
}

words called_names(const std::vector<chat::message>& conversation) {
    words out;
    for (const chat::message& each : conversation) {
        out.insert(each.tool_name);
        for (const chat::tool_call& call : each.calls) {
            out.insert(call.name);
        }
    }
    return out;
}

// The indices of the tools, best first: those called, then by the words that they share with the task. A word counts
// the more the fewer tools have it, and four times in a name.
std::vector<std::size_t> ranked(const json& tools, const std::vector<chat::message>& conversation) {
    constexpr std::size_t in_a_name = 4;
    const words wanted = wanted_words(conversation);
    const words called = called_names(conversation);
    std::vector<words> said;
    std::map<std::string_view, std::size_t> holders;
    for (const json& tool : tools) {
        said.push_back(words_of(text_of(tool)));
        for (const std::string& word : wanted) {
            holders[word] += said.back().contains(word) ? 1 : 0;
        }
    }
    std::vector<std::pair<std::size_t, std::size_t>> order;  // what is smaller is better
    for (std::size_t i = 0; i < tools.size(); ++i) {
        const std::string_view name = tool_name(tools[i]);
        const words in_name = words_of(name);
        std::size_t score = 0;
        for (const std::string& word : wanted) {
            const std::size_t weight = tools.size() / std::max<std::size_t>(1, holders[word]);
            score += in_name.contains(word) ? in_a_name * weight : said[i].contains(word) ? weight : 0;
        }
        constexpr std::size_t best = ~std::size_t{0};
        order.emplace_back(called.contains(name) && !name.empty() ? 0 : best - score, i);
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

#include "generation/prompt_cuts.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
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

// The names of tools by the place of their last call, counted from 1.
std::map<std::string, std::size_t, std::less<>> last_calls(const std::vector<chat::message>& conversation) {
    std::map<std::string, std::size_t, std::less<>> out;
    std::size_t place = 0;
    for (const chat::message& each : conversation) {
        ++place;
        if (!each.tool_name.empty()) {
            out[each.tool_name] = place;
        }
        for (const chat::tool_call& call : each.calls) {
            out[call.name] = place;
        }
    }
    return out;
}

bool is_part_of_name(char c) {
    return core::is_letter(c) || core::is_digit(c) || c == '_';
}

// Not within a longer name.
bool names(std::string_view text, std::string_view name) {
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at == 0 || !is_part_of_name(text[at - 1])) &&
            (end == text.size() || !is_part_of_name(text[end]))) {
            return true;
        }
    }
    return false;
}

// Whether the system prompt names a tool, as Home Assistant's does `GetLiveContext`. A name of one word, such as "read",
// may be no more than that word; and a text that names many tells nothing of them.
std::vector<bool> named_by_system(const json& tools, const std::vector<chat::message>& conversation) {
    constexpr std::size_t few = 5;  // one tool of so many
    std::vector<bool> out;
    for (const json& tool : tools) {
        const std::string_view own = tool_name(tool);
        out.push_back(words_of(own).size() > 1 &&
                      std::ranges::any_of(conversation, [own](const chat::message& each) {
                          return each.from == chat::role::system && names(each.content, own);
                      }));
    }
    const auto count = static_cast<std::size_t>(std::count(out.begin(), out.end(), true));
    return count * few <= tools.size() ? out : std::vector<bool>(tools.size(), false);
}

// By the words of the task in the names of the tools, then by those in the rest of their definitions. A word counts the
// more the fewer tools have it; one that many have tells nothing of them.
std::vector<std::size_t> scores_of(const json& tools, const std::vector<chat::message>& conversation) {
    constexpr std::size_t shortest_word = 4;
    constexpr std::size_t few = 3;  // one tool of so many
    constexpr std::size_t name = 1'000'000;
    const word_set wanted = wanted_words(conversation);
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
    return scores;
}

bool is_demanded(const json& tool, const std::vector<std::string>& demanded) {
    return std::ranges::find(demanded, tool_name(tool)) != demanded.end();
}

// The indices of the tools, best first: those that the answer has to call, those called, the newest first, those that
// the system prompt names, then by score. What was called stays while it is called again, so that the runtime goes on
// behind what it holds.
std::vector<std::size_t> ranked(const json& tools, const std::vector<chat::message>& conversation,
                                const std::vector<std::string>& demanded) {
    const std::vector<std::size_t> scores = scores_of(tools, conversation);
    const std::vector<bool> named = named_by_system(tools, conversation);
    const auto called = last_calls(conversation);
    struct rank {
        bool demanded;
        std::size_t call;  // 0: it was not called
        bool named;
        std::size_t score;
    };
    std::vector<rank> ranks;
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < tools.size(); ++i) {
        const std::string_view own = tool_name(tools[i]);
        const auto call = own.empty() ? called.end() : called.find(own);
        ranks.push_back({is_demanded(tools[i], demanded), call == called.end() ? 0 : call->second,
                         static_cast<bool>(named[i]), scores[i]});
        out.push_back(i);
    }
    std::ranges::stable_sort(out, [&ranks](std::size_t one, std::size_t other) {
        const rank& a = ranks[one];
        const rank& b = ranks[other];
        return std::tie(a.demanded, a.call, a.named, a.score) >
               std::tie(b.demanded, b.call, b.named, b.score);
    });
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

// So much of all tools that they have room, or as little as can be left.
json all_shortened(const json& tools, std::size_t room) {
    json out;
    for (const detail left : {detail::whole, detail::brief, detail::signature, detail::bare}) {
        out = json::array();
        for (const json& tool : tools) {
            out.push_back(shortened(tool, left));
        }
        if (tool_bytes(out) <= room) {
            break;
        }
    }
    return out;
}

// Which of them stay, by rank. Where none of the demanded ones has room the shortest stays alone.
std::vector<bool> chosen(const json& shortened_tools, const std::vector<std::size_t>& by_rank,
                         const std::vector<std::string>& demanded, std::size_t room) {
    std::vector<bool> stays(shortened_tools.size(), false);
    std::optional<std::pair<std::size_t, std::size_t>> least;  // bytes and index, of the demanded ones
    bool any = false;
    for (const std::size_t i : by_rank) {
        const std::size_t bytes = text_of(shortened_tools[i]).size() + 2;
        stays[i] = bytes <= room;
        room -= stays[i] ? bytes : 0;
        if (is_demanded(shortened_tools[i], demanded)) {
            any = any || stays[i];
            least = least ? std::min(*least, std::pair(bytes, i)) : std::pair(bytes, i);
        }
    }
    if (least && !any) {
        stays.assign(stays.size(), false);
        stays[least->second] = true;
    }
    return stays;
}

}  // namespace

std::size_t tool_bytes(const json& tools) {
    return tools.is_array() && !tools.empty() ? text_of(tools).size() : 0;
}

tool_cuts cut_tools(json& tools, const std::vector<chat::message>& conversation, std::size_t room,
                    const std::vector<std::string>& demanded) {
    tool_cuts out;
    if (tool_bytes(tools) <= room) {
        return out;
    }
    const std::size_t before = tools.size();
    if (demanded.size() == 1) {
        const auto found = std::ranges::find_if(
            tools, [&demanded](const json& tool) { return is_demanded(tool, demanded); });
        if (found != tools.end()) {
            json only = *found;
            tools = json::array();
            tools.push_back(std::move(only));
        }
    }
    json all = all_shortened(tools, room);
    const std::vector<bool> stays = tool_bytes(all) <= room
                                        ? std::vector<bool>(all.size(), true)
                                        : chosen(all, ranked(tools, conversation, demanded), demanded, room);
    json rest = json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (stays[i]) {
            out.descriptions += all[i] == tools[i] ? 0 : 1;
            rest.push_back(std::move(all[i]));
        }
    }
    out.tools = before - rest.size();
    tools = rest.empty() ? json(nullptr) : std::move(rest);
    return out;
}

}  // namespace corral::generation

#include "generation/prompt_cuts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "corral/chat/render.hpp"
#include "corral/core/text.hpp"
#include "corral/core/utf8.hpp"
#include "generation/request_preparation.hpp"

namespace corral::generation {

namespace {

// The words around a turn count too.
constexpr std::size_t turn_overhead_bytes = 16;
// A text is not cut below this, for less of it says nothing.
constexpr std::size_t least_text_bytes = 160;
// Of the room, for the turns before the newest one where tools have to go anyway: a chat that calls no tool
// goes on better with its history than with the definitions of tools.
constexpr std::size_t history_share = 4;
// Descriptions nest as deep as schemas do; what lies deeper stays as it is.
constexpr unsigned deepest_schema = 32;

std::size_t turn_bytes(const chat::message& one) {
    if (one.from == chat::role::system) {
        return 0;
    }
    constexpr std::size_t image_bytes = 1024;  // as a text that takes as many tokens as a small one
    std::size_t sum = one.content.size() + one.images.size() * image_bytes + turn_overhead_bytes;
    for (const chat::tool_call& call : one.calls) {
        sum += call.name.size() + call.arguments.dump().size() + turn_overhead_bytes;
    }
    return sum;
}

std::size_t turn_bytes(const std::vector<chat::message>& messages) {
    std::size_t sum = 0;
    for (const chat::message& each : messages) {
        sum += turn_bytes(each);
    }
    return sum;
}

// Drops the oldest turns until `wanted` bytes of turns remain, at least one turn. An answer that the model
// shall go on with is no turn of its own. False when nothing can go.
bool drop_turns(std::vector<chat::message>& messages, std::size_t wanted) {
    std::vector<chat::message> begun;
    if (!messages.empty() && messages.back().from == chat::role::assistant) {
        begun.push_back(std::move(messages.back()));
        messages.pop_back();
    }
    std::size_t left = turn_bytes(messages) + turn_bytes(begun);
    const bool dropped = chat::drop_oldest_turns(messages, [&](const chat::message& gone) {
        left -= turn_bytes(gone);
        return left > wanted;
    });
    std::move(begun.begin(), begun.end(), std::back_inserter(messages));
    return dropped;
}

// "get_weather" and "getWeather" are "get" and "weather".
std::vector<std::string> words_of(std::string_view name) {
    std::vector<std::string> out(1);
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool upper = c >= 'A' && c <= 'Z';
        const bool starts = upper && i > 0 && core::lower_case(name[i - 1]) == name[i - 1];
        if (!out.back().empty() && (starts || !(core::is_letter(c) || core::is_digit(c)))) {
            out.emplace_back();
        }
        if (core::is_letter(c) || core::is_digit(c)) {
            out.back() += core::lower_case(c);
        }
    }
    std::erase(out, std::string());
    return out;
}

using words = std::set<std::string, std::less<>>;

// Of the newest turn, where its question stands: at the end.
words newest_words(const std::vector<chat::message>& messages) {
    constexpr std::size_t most = 16 * 1024;
    const auto last = std::find_if(messages.rbegin(), messages.rend(),
                                   [](const chat::message& one) { return one.from == chat::role::user; });
    if (last == messages.rend()) {
        return {};
    }
    const std::string_view text = last->content;
    const std::vector<std::string> found = words_of(text.substr(text.size() - std::min(text.size(), most)));
    return {found.begin(), found.end()};
}

bool names_tool(const words& said, const std::string& name) {
    const std::vector<std::string> parts = words_of(name);
    return !parts.empty() && std::all_of(parts.begin(), parts.end(),
                                         [&](const std::string& one) { return said.contains(one); });
}

// The last place at or before `at` where no character is cut in two; a broken text may be cut anywhere.
std::size_t character_start(std::string_view text, std::size_t at) {
    constexpr unsigned char continuation_mask = 0xC0;
    constexpr unsigned char continuation = 0x80;
    std::size_t out = std::min(at, text.size());
    for (unsigned back = 0; back < 3 && out > 0 && out < text.size(); ++back) {
        if ((static_cast<unsigned char>(text[out]) & continuation_mask) != continuation) {
            break;
        }
        --out;
    }
    return out;
}

std::string first_sentence(std::string_view text, std::size_t most) {
    const std::size_t line = text.find('\n');
    std::string_view out = core::trimmed(text.substr(0, line));
    const std::size_t stop = out.find(". ");
    out = out.substr(0, stop == std::string_view::npos ? out.size() : stop + 1);
    return std::string(out.substr(0, character_start(out, most)));
}

// Of a schema and what lies in it; true when one was changed.
bool shorten_in_schema(nlohmann::ordered_json& schema, bool keep_first_sentence, unsigned depth) {
    constexpr std::size_t most = 60;
    constexpr std::array<std::string_view, 5> values{"enum", "const", "default", "example", "examples"};
    if (depth > deepest_schema || !schema.is_structured()) {
        return false;
    }
    bool changed = false;
    for (auto& [key, value] : schema.items()) {
        if (schema.is_object() && std::find(values.begin(), values.end(), key) != values.end()) {
            continue;
        }
        if (!schema.is_object() || key != "description" || !value.is_string()) {
            changed = shorten_in_schema(value, keep_first_sentence, depth + 1) || changed;
        } else if (keep_first_sentence) {
            std::string shorter = first_sentence(value.get_ref<const std::string&>(), most);
            changed = changed || shorter.size() < value.get_ref<const std::string&>().size();
            value = std::move(shorter);
        }
    }
    if (!keep_first_sentence && schema.is_object()) {
        const auto found = schema.find("description");
        if (found != schema.end() && found->is_string()) {
            schema.erase(found);
            changed = true;
        }
    }
    return changed;
}

bool shorten_tool(nlohmann::ordered_json& tool, bool keep_first_sentence) {
    constexpr std::size_t most = 120;
    const auto function = tool.is_object() ? tool.find("function") : tool.end();
    if (!tool.is_object() || function == tool.end() || !function->is_object()) {
        return false;
    }
    bool changed = false;
    const auto said = function->find("description");
    if (said != function->end() && said->is_string()) {
        std::string shorter = first_sentence(said->get_ref<const std::string&>(), most);
        changed = shorter.size() < said->get_ref<const std::string&>().size();
        *said = std::move(shorter);
    }
    const auto parameters = function->find("parameters");
    if (parameters != function->end()) {
        changed = shorten_in_schema(*parameters, keep_first_sentence, 0) || changed;
    }
    return changed;
}

// Its beginning and its end, `kept` bytes together, with a mark between them.
std::string without_middle(std::string_view whole, std::size_t kept) {
    const std::size_t head = character_start(whole, kept / 2);
    const std::size_t tail = character_start(whole, whole.size() - kept / 2);
    return std::string(whole.substr(0, head)) + "\n[... " + std::to_string(tail - head) +
           " bytes of this text were left out ...]\n" + std::string(whole.substr(tail));
}

}  // namespace

std::string to_text(const prompt_cuts& cuts) {
    std::vector<std::string> parts;
    const auto add = [&](const char* name, std::size_t count) {
        if (count > 0) {
            parts.push_back(name + ("=" + std::to_string(count)));
        }
    };
    add("messages", cuts.messages);
    add("tools", cuts.tools);
    add("descriptions", cuts.descriptions);
    add("text-bytes", cuts.text_bytes);
    return core::joined(parts);
}

void shortened_requests::add(const std::string& client, const std::string& model, const prompt_cuts& cuts,
                             core::steady_time now) {
    constexpr std::size_t most = 32;
    const auto known = std::find_if(known_.begin(), known_.end(), [&](const entry& one) {
        return one.client == client && one.model == model;
    });
    entry next{client, model, cuts, 1, now};
    if (known != known_.end()) {
        next.count += known->count;
        known_.erase(known);
    } else if (known_.size() >= most) {
        known_.pop_front();
    }
    known_.push_back(std::move(next));
}

std::vector<std::string> shortened_requests::warnings(core::steady_time now) const {
    constexpr std::chrono::hours kept{1};
    std::vector<std::string> out;
    for (const entry& each : known_) {
        if (now - each.at <= kept) {
            out.push_back(
                "Requests of " + each.client + " are longer than model " + each.model +
                " can read and were shortened (" + std::to_string(each.count) + ", the last by " +
                to_text(each.last) +
                "); use a model with a longer context, or let the client send fewer tools and texts.");
        }
    }
    return out;
}

prompt_cutter::prompt_cutter(const chat::generation_request& whole) : whole_(whole), rest_(whole) {
    look_at_tools();
}

bool prompt_cutter::cut(std::size_t bytes, std::size_t room) {
    std::size_t gone = 0;
    bool any = false;
    const auto enough = [&](std::size_t freed) {
        gone += freed;
        any = any || freed > 0;
        return gone >= bytes;
    };
    if (conversation()) {
        if (enough(leave_out_turns(bytes))) {
            return true;
        }
        if (tools_can_go()) {
            if (!turns_came_back_) {
                turns_came_back_ = true;
                bytes += put_back_turns(room / history_share);
            }
            if (enough(leave_out_tools(bytes - gone))) {
                return true;
            }
            // Not even without them: the turns that came back are in the way again.
            if (enough(leave_out_turns(bytes - gone))) {
                return true;
            }
        }
        while (description_steps_ < 2) {
            if (enough(shorten_descriptions(description_steps_++ == 0))) {
                return true;
            }
        }
    }
    return enough(cut_longest_text(bytes - gone)) || any;
}

std::size_t prompt_cutter::bytes() const {
    if (rest_.raw_prompt) {
        return rest_.raw_prompt->size();
    }
    if (rest_.hole) {
        return rest_.hole->prefix.size() + rest_.hole->suffix.size();
    }
    std::size_t sum = turn_bytes(rest_.messages);
    for (const chat::message& each : rest_.messages) {
        sum += each.from == chat::role::system ? each.content.size() : 0;
    }
    for (const tool_standing& each : tools_) {
        sum += each.bytes;
    }
    return sum;
}

std::size_t prompt_cutter::leave_out_turns(std::size_t bytes) {
    const std::size_t before = turn_bytes(rest_.messages);
    if (!drop_turns(rest_.messages, before > bytes ? before - bytes : 0)) {
        return 0;
    }
    cuts_.messages = whole_.messages.size() - rest_.messages.size();
    return before - turn_bytes(rest_.messages);
}

std::size_t prompt_cutter::put_back_turns(std::size_t bytes) {
    if (cuts_.messages == 0) {
        return 0;
    }
    const std::size_t before = turn_bytes(rest_.messages);
    std::vector<chat::message> more = whole_.messages;
    if (before + bytes < turn_bytes(more) && !drop_turns(more, before + bytes)) {
        return 0;
    }
    rest_.messages = std::move(more);
    cuts_.messages = whole_.messages.size() - rest_.messages.size();
    const std::size_t after = turn_bytes(rest_.messages);
    return after > before ? after - before : 0;
}

void prompt_cutter::look_at_tools() {
    if (!rest_.tools.is_array()) {
        return;
    }
    std::set<std::string, std::less<>> called;
    for (const chat::message& each : rest_.messages) {
        called.insert(each.tool_name);
        for (const chat::tool_call& call : each.calls) {
            called.insert(call.name);
        }
    }
    const words newest = newest_words(rest_.messages);
    for (const nlohmann::ordered_json& tool : rest_.tools) {
        const std::string name(tool_name(tool));
        tools_.push_back({tool.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).size(),
                          !name.empty() && called.contains(name), names_tool(newest, name)});
    }
}

bool prompt_cutter::tools_can_go() const noexcept {
    return std::any_of(tools_.begin(), tools_.end(), [](const tool_standing& one) { return !one.called; });
}

std::size_t prompt_cutter::leave_out_tools(std::size_t bytes) {
    std::size_t gone = 0;
    for (const bool named : {false, true}) {
        // From the end: what a client lists first stays longest.
        for (std::size_t i = tools_.size(); i > 0 && gone < bytes; --i) {
            const tool_standing& one = tools_[i - 1];
            if (one.called || one.named != named) {
                continue;
            }
            gone += one.bytes;
            ++cuts_.tools;
            rest_.tools.erase(i - 1);
            tools_.erase(tools_.begin() + static_cast<std::ptrdiff_t>(i - 1));
        }
    }
    if (tools_.empty()) {
        rest_.tools = nullptr;
    }
    return gone;
}

std::size_t prompt_cutter::shorten_descriptions(bool keep_first_sentence) {
    std::size_t gone = 0;
    std::size_t changed = 0;
    for (std::size_t i = 0; i < tools_.size(); ++i) {
        if (!shorten_tool(rest_.tools[i], keep_first_sentence)) {
            continue;
        }
        ++changed;
        const std::size_t now =
            rest_.tools[i].dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).size();
        gone += tools_[i].bytes > now ? tools_[i].bytes - now : 0;
        tools_[i].bytes = now;
    }
    cuts_.descriptions = std::max(cuts_.descriptions, changed);
    return gone;
}

std::size_t prompt_cutter::cut_longest_text(std::size_t bytes) {
    std::string* longest = nullptr;
    const auto consider = [&](std::string& text) {
        if (longest == nullptr || text.size() > longest->size()) {
            longest = &text;
        }
    };
    if (rest_.raw_prompt) {
        consider(*rest_.raw_prompt);
    } else if (rest_.hole) {
        consider(rest_.hole->prefix);
        consider(rest_.hole->suffix);
    } else {
        for (chat::message& each : rest_.messages) {
            consider(each.content);
        }
    }
    if (longest == nullptr || longest->size() <= least_text_bytes) {
        return 0;
    }
    auto known =
        std::find_if(texts_.begin(), texts_.end(), [&](const cut_text& one) { return one.text == longest; });
    if (known == texts_.end()) {
        texts_.push_back({longest, *longest});
        known = std::prev(texts_.end());
    }
    const std::size_t before = longest->size();
    constexpr std::size_t mark = 64;  // what the mark takes, and more
    const std::size_t kept =
        before > bytes + least_text_bytes + mark ? before - bytes - mark : least_text_bytes / 2;
    if (rest_.hole && longest == &rest_.hole->prefix) {
        *longest = known->whole.substr(character_start(known->whole, known->whole.size() - kept));
    } else if (rest_.hole) {
        *longest = known->whole.substr(0, character_start(known->whole, kept));
    } else {
        *longest = without_middle(known->whole, kept);
    }
    cuts_.text_bytes += before - longest->size();
    return before - longest->size();
}

}  // namespace corral::generation

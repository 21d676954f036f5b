#include "corral/bench/verdict.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "bench/shown.hpp"
#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::bench {

namespace {

using json = nlohmann::json;

std::string cut_text(const prompt_test& test, const char* what) {
    return std::string("the limit of ") + std::to_string(test.max_tokens) + " tokens came before " + what;
}

std::string why_no_json(const std::string& wanted, const prompt_test& test, const measurement& seen) {
    const json read = core::parse_json(seen.text);
    if (read.is_discarded()) {
        return seen.truncated ? cut_text(test, "the JSON was complete") : "the answer is no valid JSON";
    }
    if (wanted == "json") {
        return read.is_object() || read.is_array() ? "" : "the answer is a bare value, no JSON object";
    }
    const json schema = core::parse_json(wanted);
    for (const json& key : core::list_at(schema, "required")) {
        if (key.is_string() && (!read.is_object() || !read.contains(key.get<std::string>()))) {
            return "the answer lacks '" + on_one_line(key.get<std::string>()) +
                   "', which the schema requires";
        }
    }
    return {};
}

std::string why_no_call(const prompt_test& test, const measurement& seen) {
    if (seen.tool_calls == 0) {
        return seen.truncated ? cut_text(test, "a call") : "no tool was called";
    }
    std::vector<std::string> offered;
    const json tools = core::parse_json(test.tools);
    for (const json& tool : tools) {
        if (const json* const function = core::member(tool, "function")) {
            offered.push_back(core::text_at(*function, "name"));
        }
    }
    for (const std::string& name : seen.called) {
        if (std::ranges::find(offered, name) == offered.end()) {
            return "'" + on_one_line(name) + "' was called, which was not offered";
        }
    }
    return {};
}

std::string why_mixed(const prompt_test& test, const measurement& seen) {
    if (seen.text.find("<think>") != std::string::npos || seen.text.find("</think>") != std::string::npos) {
        return "thoughts stand in the answer";
    }
    if (!*test.think) {
        return seen.thinking.empty() ? "" : "it thought, though it was asked not to";
    }
    if (seen.thinking.empty()) {
        return "no thoughts came apart from the answer";
    }
    if (seen.text.empty() && seen.tool_calls == 0) {
        return seen.truncated ? cut_text(test, "the thoughts had an end") : "thoughts, but no answer";
    }
    return {};
}

bool has(const std::vector<std::string>& all, const char* one) {
    return std::ranges::find(all, one) != all.end();
}

}  // namespace

std::string why_wrong(const prompt_test& test, const measurement& seen) {
    std::string why;
    if (test.think) {
        why = why_mixed(test, seen);
    }
    if (why.empty() && !test.tools.empty()) {
        why = why_no_call(test, seen);
    }
    for (const std::string* const wanted : {&test.format, &test.answer}) {
        if (why.empty() && !wanted->empty()) {
            why = why_no_json(*wanted, test, seen);
        }
    }
    for (const std::string& stop : test.stop) {
        if (why.empty() && seen.text.find(stop) != std::string::npos) {
            why = core::say("command.bench-test/past-stop", on_one_line(stop));
        }
    }
    return why;
}

std::string why_unable(const prompt_test& test, const std::vector<std::string>& capabilities) {
    if (capabilities.empty()) {
        return {};
    }
    if (!test.tools.empty() && !has(capabilities, "tools")) {
        return "the model can't call tools";
    }
    if (test.think.value_or(false) && !has(capabilities, "thinking")) {
        return "the model can't think apart from its answer";
    }
    return {};
}

bool says_unable(const prompt_test& test, unsigned status, std::string_view words) {
    const auto lacks = [&](std::string_view what) {
        return words.find("does not support " + std::string(what)) != std::string_view::npos;
    };
    return status == 400 && ((!test.tools.empty() && lacks("tools")) || (test.think && lacks("thinking")));
}

}  // namespace corral::bench

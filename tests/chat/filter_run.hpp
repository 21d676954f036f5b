#pragma once
// One text through `output_filter` in given pieces, and what came out, in a form that two runs can be
// compared in. Knows no test framework, for the fuzz targets use it too.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corral/chat/output_filter.hpp"

namespace corral::chat::tests {

struct filter_result {
    // Neighbours of a kind joined: "thinking: …", "text: …", "call: name {…}", at the end perhaps "stopped".
    std::vector<std::string> lines;
    std::string problem;  // a promise that was broken; empty: none
};

inline bool is_utf8(const std::string& text) {
    try {
        return !nlohmann::json(text).dump().empty();
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

class filter_run {
public:
    explicit filter_run(const filter_options& how) : filter_(how) {}

    void feed(std::string_view piece) {
        const bool over = filter_.stopped();
        const auto events = filter_.feed(piece);
        if (over && !events.empty()) {
            result_.problem = "an event behind the stop";
        }
        take(events);
    }

    filter_result finish() {
        take(filter_.finish());
        if (!filter_.finish().empty() || !filter_.feed("more").empty()) {
            result_.problem = "an event behind the end";
        }
        if (filter_.stopped()) {
            result_.lines.emplace_back("stopped");
        }
        return std::move(result_);
    }

private:
    void take(const std::vector<generation_event>& events) {
        for (const auto& event : events) {
            if (const auto* thinking = std::get_if<thinking_event>(&event)) {
                add("thinking: ", thinking->text);
            } else if (const auto* text = std::get_if<text_event>(&event)) {
                add("text: ", text->text);
            } else if (const auto* call = std::get_if<tool_call_event>(&event)) {
                add_call(call->call);
            } else {
                result_.problem = "an event that is not the filter's";
            }
        }
    }

    void add(const std::string& kind, const std::string& text) {
        if (text.empty() || !is_utf8(text)) {
            result_.problem = "a text that is empty or no UTF-8";
        }
        if (kind == "thinking: " && answered_) {
            result_.problem = "thinking behind the answer";
        }
        answered_ = answered_ || kind == "text: ";
        if (result_.lines.empty() || !result_.lines.back().starts_with(kind)) {
            result_.lines.push_back(kind);
        }
        result_.lines.back() += text;
    }

    void add_call(const tool_call& call) {
        if (!call.id.empty() || !call.arguments.is_object()) {
            result_.problem = "a call with an id, or whose arguments are no object";
        }
        answered_ = true;
        std::string line = "call: ";
        line += call.name;
        line += ' ';
        line += call.arguments.dump();
        result_.lines.push_back(std::move(line));
    }

    output_filter filter_;
    filter_result result_;
    bool answered_ = false;
};

inline filter_result run_filter(const filter_options& how, const std::vector<std::string>& pieces) {
    filter_run run(how);
    for (const auto& piece : pieces) {
        run.feed(piece);
    }
    return run.finish();
}

}  // namespace corral::chat::tests

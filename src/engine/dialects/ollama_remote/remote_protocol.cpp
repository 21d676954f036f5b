#include "engine/dialects/ollama_remote/remote_protocol.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "corral/catalog/model_name.hpp"
#include "corral/core/json.hpp"
#include "corral/core/stated_number.hpp"
#include "corral/core/text.hpp"

namespace corral::engine::ollama_remote {

namespace {

using nlohmann::json;
using namespace streaming;

constexpr std::size_t longest_line = 1024 * 1024;

std::string text_in(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

template <typename Value>
void put(json& to, const char* key, const std::optional<Value>& value) {
    if (value) {
        to[key] = *value;
    }
}

json options_of(const run_spec& what, std::uint32_t context) {
    const chat::sampling& from = what.sampling;
    json out = json::object();
    put(out, "temperature", from.temperature);
    put(out, "top_k", from.top_k);
    put(out, "top_p", from.top_p);
    put(out, "min_p", from.min_p);
    put(out, "typical_p", from.typical_p);
    put(out, "repeat_penalty", from.repeat_penalty);
    put(out, "repeat_last_n", from.repeat_last_n);
    put(out, "presence_penalty", from.presence_penalty);
    put(out, "frequency_penalty", from.frequency_penalty);
    put(out, "seed", from.seed);
    put(out, "num_predict", what.max_tokens);
    if (context > 0) {
        out["num_ctx"] = context;
    }
    return out;
}

error_part error_from(unsigned status, const json& body) {
    error_part out;
    out.status = status;
    const auto found = body.find("error");
    if (found != body.end() && found->is_object()) {
        out.message = text_in(*found, "message");
    } else {
        out.message = text_in(body, "error");
    }
    const std::string words = core::lower_case(out.message);
    out.context_full =
        words.find("context length") != std::string::npos || words.find("context size") != std::string::npos;
    out.busy = status == 429 || status == 503;
    return out;
}

class ndjson_reader final : public answer_reader {
public:
    core::result<void> feed(std::string_view bytes, std::vector<answer_part>& out) override {
        while (!bytes.empty()) {
            const std::size_t end = bytes.find('\n');
            line_.append(bytes.substr(0, end));
            if (line_.size() > longest_line) {
                return core::make_failure(core::errc::limit_exceeded, "a line of the answer is too long");
            }
            if (end == std::string_view::npos) {
                return {};
            }
            bytes.remove_prefix(end + 1);
            const std::string line = std::exchange(line_, {});
            if (auto read = read_line(line, out); !read) {
                return read;
            }
        }
        return {};
    }
    core::result<void> finish(std::vector<answer_part>& out) override {
        const std::string line = std::exchange(line_, {});
        return read_line(line, out);
    }

private:
    core::result<void> read_line(std::string_view line, std::vector<answer_part>& out) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos || over_) {
            return {};
        }
        const json object = core::parse_json(line);
        if (!object.is_object()) {
            return core::make_failure(core::errc::protocol, "a line of the answer is no JSON object");
        }
        if (object.contains("error")) {
            out.emplace_back(error_from(0, object));
            return {};
        }
        read_text(object, out);
        const auto done = object.find("done");
        if (done != object.end() && done->is_boolean() && done->get<bool>()) {
            read_end(object, out);
        }
        return {};
    }
    static void read_text(const json& object, std::vector<answer_part>& out) {
        const auto message = object.find("message");
        const json& from = message != object.end() && message->is_object() ? *message : object;
        if (std::string thinking = text_in(from, "thinking"); !thinking.empty()) {
            out.emplace_back(thinking_part{std::move(thinking)});
        }
        std::string text = text_in(from, &from == &object ? "response" : "content");
        if (!text.empty()) {
            out.emplace_back(text_part{std::move(text)});
        }
    }
    void read_end(const json& object, std::vector<answer_part>& out) {
        over_ = true;
        const auto prompt = core::stated_count(object, "prompt_eval_count");
        const auto generated = core::stated_count(object, "eval_count");
        if (generated) {
            out.emplace_back(usage_part{prompt.value_or(0), *generated});
        }
        stages_part took;
        took.stages.prefill = core::stated_span(object, "prompt_eval_duration", core::nanoseconds{1});
        took.stages.decode = core::stated_span(object, "eval_duration", core::nanoseconds{1});
        out.emplace_back(took);
        finish_part end;
        end.word = text_in(object, "done_reason");
        end.why = end.word == "length"                     ? finish_part::reason::length
                  : end.word == "stop" || end.word.empty() ? finish_part::reason::stop
                                                           : finish_part::reason::other;
        out.emplace_back(std::move(end));
        out.emplace_back(end_part{});
    }

    std::string line_;
    bool over_ = false;
};

}  // namespace

core::result<stream_request> remote_protocol::request_for(const run_spec& what) const {
    json body = json::object();
    body["model"] = model_;
    body["stream"] = true;
    body["options"] = options_of(what, context_);
    stream_request out;
    if (what.prompt.verbatim) {
        out.target = "/api/generate";
        body["prompt"] = what.prompt.turns;
        body["raw"] = true;
    } else {
        if (what.prompt.messages.empty()) {
            return core::make_failure(core::errc::refused, "the conversation has no messages to send");
        }
        out.target = "/api/chat";
        body["messages"] = json::array();
        for (const chat::role_text& one : what.prompt.messages) {
            body["messages"].push_back({{"role", one.role}, {"content", one.text}});
        }
        // Every model takes this one value (docs/facts/ollama_wire.md#think); what thinks would, if not told.
        if (!what.prompt.thinking) {
            body["think"] = false;
        }
    }
    out.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
    return out;
}

std::unique_ptr<answer_reader> remote_protocol::reader() const {
    return std::make_unique<ndjson_reader>();
}

error_part remote_protocol::error_of(unsigned status, std::string_view body) const {
    const json object = core::parse_json(body);
    return error_from(status, object.is_object() ? object : json::object());
}

std::span<const std::string_view> remote_sampling() noexcept {
    static constexpr std::array<std::string_view, 10> all{"temperature",
                                                          "top_k",
                                                          "top_p",
                                                          "min_p",
                                                          "typical_p",
                                                          "repeat_penalty",
                                                          "repeat_last_n",
                                                          "presence_penalty",
                                                          "frequency_penalty",
                                                          "seed"};
    return all;
}

core::result<bool> lists_model(std::string_view tags, std::string_view model) {
    const json object = core::parse_json(tags);
    const auto models = object.is_object() ? object.find("models") : object.end();
    if (!object.is_object() || models == object.end() || !models->is_array()) {
        return core::make_failure(core::errc::protocol, "its answer to /api/tags is no list of models");
    }
    return std::any_of(models->begin(), models->end(), [&](const json& one) {
        return one.is_object() && catalog::same_model(text_in(one, "name"), model);
    });
}

}  // namespace corral::engine::ollama_remote

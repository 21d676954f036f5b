#include "api/ollama/generation_start.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/models/capability_check.hpp"
#include "api/models/model_parameters.hpp"
#include "api/ollama/answer.hpp"
#include "api/ollama/error_reply.hpp"
#include "api/request_start.hpp"
#include "corral/chat/render.hpp"
#include "corral/core/say.hpp"

namespace corral::api::ollama {

namespace {

core::awaitable<void> answer_load(const api_context& context, generation::served model,
                                  std::optional<core::nanoseconds> keep_alive, core::deadline until,
                                  reply_encoder encoder, http::response_writer& out) {
    const std::optional<chat::failed_event> failed =
        co_await load_model(context, std::move(model), keep_alive, until);
    if (!failed) {
        std::string body = encoder.without_run("load", std::chrono::system_clock::now());
        co_await send_json(std::move(body), out);
    } else if (failed->kind != chat::failure_kind::cancelled) {
        http::response refused = error_response(*failed, encoder.model(), json_type);
        co_await out.send(std::move(refused));
    }
}

core::awaitable<void> answer_unload(const api_context& context, const generation::served_model& model,
                                    reply_encoder encoder, http::response_writer& out) {
    if (!context.admission->unload(model.deployment)) {
        // Ollama knows no pins; a 200 would make its clients believe that the memory is free.
        constexpr unsigned forbidden = 403;
        http::response refused = error_response(forbidden, core::say("request.pinned/model", model.name));
        co_await out.send(std::move(refused));
        co_return;
    }
    std::string body = encoder.without_run("unload", std::chrono::system_clock::now());
    co_await send_json(std::move(body), out);
}

}  // namespace

// Tried on the smallest conversation, so that a broken one is heard of now.
core::awaitable<void> check_template(core::worker* elsewhere, std::string client,
                                     const generation::served_model& model, const std::string& text,
                                     unsigned status, decode_problem& problem) {
    chat::render_options how;
    how.format = chat::find_family(model.entry->family);
    if (text.empty() || how.format == nullptr) {
        co_return;
    }
    how.may_be_verbatim = true;
    std::function<void()> work = [&how, &text, &problem, status] {
        how.prompt_template = text;
        chat::message hello;
        hello.content = "x";
        const auto rendered = chat::render(how, {hello}, nullptr, chat::thinking_mode::model_default);
        // One that makes nothing of this message may make something of the request.
        if (!rendered && rendered.error().code != core::errc::invalid) {
            problem.set(rendered.error().message, status);
        }
    };
    auto trying = core::run_on(elsewhere, std::move(work), std::move(client));
    co_await std::move(trying);
}

void check_abilities(const generation::served_model& model, const common_fields& fields, const char* activity,
                     decode_problem& problem) {
    const std::string typed = go_quoted(fields.model);
    if (fields.think.value == think_value::on && !has_capability(model, "thinking")) {
        problem.set(core::say("request.no-thinking/support", typed));
    }
    if (!has_capability(model, "completion")) {
        problem.set(core::say("request.not-for-chat/support-2", typed, activity));
    }
}

void check_answer_wishes(const generation::served_model& model, const common_fields& fields,
                         decode_problem& problem) {
    if (fields.debug_render_only) {
        problem.set(core::say("request.not-built/debug"));
    }
    refuse_logprobs(model, fields.logprobs, problem);
    check_format(fields.format, problem);
}

// Any level of a model that names its own; what it does not know is its default.
void check_level(const generation::served_model& model, const std::string& level, decode_problem& problem) {
    const bool usual =
        level.empty() || level == "high" || level == "medium" || level == "low" || level == "max";
    if (!usual && !names_thinking(model)) {
        problem.set(core::say("request.field-value/think", go_quoted(echo_of(level))));
    }
}

chat::thinking_mode thinking_for(const generation::served_model& model, think_value asked) {
    return asked == think_value::off ? chat::thinking_mode::off : default_thinking(model);
}

generation_start start(const api_context& context, const http::request& incoming, const common_fields& fields,
                       bool empty, const lookup_words& words, decode_problem& problem) {
    generation_start out;
    if (empty) {
        out.wanted = unloads(fields) ? wish::unload : wish::load;
    }
    if (!problem.found()) {
        out.model = find_model(*context.models, fields.model, words, problem);
    }
    if (out.model != nullptr) {
        check_level(*out.model, fields.think.level, problem);
    }
    if (out.is_checked()) {
        chat::generation_request& request = out.request;
        request = begin_request(context, incoming, *out.model, fields.model);
        request.keep_alive = fields.keep_alive;
        request.format = fields.format;
        request.limits.truncate = fields.truncate;
        request.thinking = thinking_for(*out.model, fields.think.value);
        request.effort = fields.think.level;
        if (fields.logprobs) {
            request.top_logprobs = fields.top_logprobs;
        }
    }
    return out;
}

void fill_parameters(const nlohmann::ordered_json& options, chat::generation_request& request,
                     decode_problem& problem) {
    if (!options.is_null()) {
        const auto gone = options.find("typical_p");
        if (gone != options.end() && !gone->is_null()) {
            problem.set(core::say("request.not-built/typical"));
        }
        read_parameters(options, request.sampling, request.limits, problem);
        std::ranges::move(unused_parameters(options), std::back_inserter(request.unused_options));
    }
}

core::awaitable<void> answer(const api_context& context, const http::request& incoming,
                             const decode_problem& problem, generation_start begun, bool stream,
                             reply_encoder encoder, http::response_writer& out) {
    if (problem.found()) {
        http::response refused = error_response(problem.status, problem.message);
        co_await out.send(std::move(refused));
        co_return;
    }
    if (begun.wanted == wish::unload) {
        co_await answer_unload(context, *begun.model, std::move(encoder), out);
        co_return;
    }
    if (begun.wanted == wish::load) {
        co_await answer_load(context, std::move(begun.model), begun.request.keep_alive, begun.request.until,
                             std::move(encoder), out);
        co_return;
    }
    std::unique_ptr<answer_format> format = format_with(std::move(encoder));
    co_await run_and_answer(context, incoming, std::move(begun.request), std::move(begun.model),
                            std::move(format), stream, out);
}

}  // namespace corral::api::ollama

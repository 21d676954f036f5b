#include "generation/request_preparation.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "corral/chat/family.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/worker.hpp"
#include "generation/context_fit.hpp"
#include "generation/format_request.hpp"

namespace corral::generation {

namespace {

template <typename Value>
void complete(std::optional<Value>& wanted, const std::optional<Value>& otherwise) {
    if (!wanted) {
        wanted = otherwise;
    }
}

void complete(chat::sampling& wanted, const chat::sampling& otherwise) {
    // Who asks for top-p means it; a default top-k beside it would win in runtimes that heed only one
    // (docs/facts/vendor_ax.md#sampling). One is no limit, so it says nothing.
    const bool means_top_p = wanted.top_p && *wanted.top_p < 1.0;
    for (const chat::sampling_option& option : chat::sampling_options) {
        if (!means_top_p || option.name != "top_k") {
            std::visit([&](auto member) { complete(wanted.*member, otherwise.*member); }, option.value);
        }
    }
}

void complete(chat::limits& wanted, const chat::limits& otherwise) {
    complete(wanted.num_predict, otherwise.num_predict);
    complete(wanted.num_ctx, otherwise.num_ctx);
    if (wanted.stops.empty() && !wanted.stops_given) {
        wanted.stops = otherwise.stops;
    }
}

chat::sampling as_sampling(const catalog::sampling_defaults& from) {
    chat::sampling out;
    out.temperature = from.temperature;
    out.top_k = from.top_k;
    out.top_p = from.top_p;
    out.repeat_penalty = from.repeat_penalty;
    return out;
}

// Behind what the request says first as its system prompt, so that this stays the first.
void insert_examples(std::vector<chat::message>& messages, const std::vector<chat::message>& examples) {
    const auto first = std::find_if(messages.begin(), messages.end(), [](const chat::message& message) {
        return message.from != chat::role::system;
    });
    messages.insert(first, examples.begin(), examples.end());
}

std::size_t bytes_of(const std::vector<chat::message>& messages) {
    constexpr std::size_t each_costs = 64;
    std::size_t all = messages.size() * each_costs;
    for (const chat::message& one : messages) {
        all += one.content.size() + one.thinking.size();
    }
    return all;
}

// Values and texts of `tree`, a text of some length as several, are at most `left`, which they lessen.
bool are_few(const nlohmann::ordered_json& tree, std::size_t& left) {
    constexpr std::size_t one = 32;
    const std::size_t cost = tree.is_string() ? 1 + tree.get_ref<const std::string&>().size() / one : 1;
    if (cost > left) {
        return false;
    }
    left -= cost;
    return !tree.is_structured() ||
           std::all_of(tree.begin(), tree.end(), [&left](const auto& each) { return are_few(each, left); });
}

// Compiling one takes longer than all else of a short request. A property may have the name too, but that is an object.
bool has_pattern(const nlohmann::ordered_json& schema) {
    if (schema.is_object()) {
        const auto found = schema.find("pattern");
        if (found != schema.end() && found->is_string()) {
            return true;
        }
    }
    return schema.is_structured() && std::any_of(schema.begin(), schema.end(), has_pattern);
}

std::string date_of(wall_time when) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

void apply_defaults(chat::generation_request& request, const served_model& model) {
    std::erase(request.limits.stops, std::string{});
    if (model.variant) {
        complete(request.sampling, model.variant->sampling);
        complete(request.limits, model.variant->limits);
        std::erase(request.limits.stops, std::string{});
        if (is_conversation(request)) {
            insert_examples(request.messages, model.variant->messages);
        }
    }
    complete(request.sampling, as_sampling(model.entry->sampling));
}

// Results of calls made together in the order of these, for most templates tell them apart by that alone. Where not
// each of them says whose result it is all stay as they came.
void order_results(std::vector<chat::message>& messages) {
    const auto is_tool = [](const chat::message& each) { return each.from == chat::role::tool; };
    const auto is_answer = [](const chat::message& each) { return each.from == chat::role::assistant; };
    for (auto at = messages.begin(); at != messages.end();) {
        std::map<std::string, std::size_t, std::less<>> places;
        for (; at != messages.end() && is_answer(*at); ++at) {
            for (const chat::tool_call& call : at->calls) {
                places.emplace(call.id, places.size());
            }
        }
        const auto end = std::find_if_not(at, messages.end(), is_tool);
        const bool known = std::all_of(at, end, [&places](const chat::message& each) {
            return !each.tool_call_id.empty() && places.contains(each.tool_call_id);
        });
        if (known) {
            std::stable_sort(at, end, [&places](const chat::message& one, const chat::message& other) {
                return places.find(one.tool_call_id)->second < places.find(other.tool_call_id)->second;
            });
        }
        at = std::find_if(end, messages.end(), is_answer);
    }
}

// A grammar knows of no thoughts, and an answer that has begun is past them.
void force_call(chat::generation_request& request, prepared_request& out) {
    const bool by_prompt = out.how.may_be_verbatim && !has_images(request);
    const bool possible = out.how.prompt_template.empty() &&
                          out.how.format->tools != chat::tool_style::none &&
                          (out.how.takes_schemas || by_prompt) && begun_answer(request).empty();
    if (request.must_call.empty() || !possible) {
        return;
    }
    request.thinking = chat::thinking_mode::off;
    out.call = chat::force_call(*out.how.format, request.tools, request.must_call);
    if (out.how.takes_schemas) {
        out.call->begun.clear();
        return;
    }
    out.call->schema = nullptr;
    chat::message begun;
    begun.from = chat::role::assistant;
    begun.content = out.call->begun;
    request.messages.push_back(std::move(begun));
}

}  // namespace

chat::render_options render_options_for(const chat::generation_request& request, const served_model& model,
                                        wall_time now) {
    const catalog::model_entry& entry = *model.entry;
    chat::render_options out;
    out.format = chat::find_family(entry.family);
    out.default_system = entry.default_system;
    out.package_forbids_thinking = entry.package_forbids_thinking;
    const engine::backend_facts facts = model.runtime->facts();
    out.may_be_verbatim = facts.takes_verbatim;
    out.as_messages = facts.takes_messages;
    out.as_written = entry.history == catalog::history_form::by_package
                         ? entry.package_forbids_thinking && out.may_be_verbatim
                         : entry.history == catalog::history_form::as_written;
    out.takes_schemas = facts.takes_schemas;
    out.may_lack_system = !facts.needs_system_prompt;
    out.prompt_template = request.prompt_template;
    out.effort = request.effort;
    out.today = date_of(now);
    if (model.variant && !model.variant->system.empty()) {
        out.default_system = model.variant->system;
    }
    // Definitions of tools go into the system prompt, which would take the place of what the model there begins with.
    if (out.default_system.empty() && request.tools.is_array() && !request.tools.empty()) {
        out.default_system = model.runtime->stated().system;
    }
    if (model.variant && out.prompt_template.empty()) {
        out.prompt_template = model.variant->prompt_template;
    }
    return out;
}

std::size_t example_bytes(const served_model& model) {
    return model.variant == nullptr ? 0 : bytes_of(model.variant->messages) + model.variant->system.size();
}

bool is_long(const chat::generation_request& request, std::size_t more) {
    constexpr std::size_t short_bytes = 16 * 1024;
    std::size_t values = 1000;
    for (const chat::message& one : request.messages) {
        for (const chat::tool_call& call : one.calls) {
            if (!are_few(call.arguments, values)) {
                return true;
            }
        }
    }
    return more + bytes_of(request.messages) + (request.raw_prompt ? request.raw_prompt->size() : 0) +
                   (request.hole ? request.hole->prefix.size() + request.hole->suffix.size() : 0) +
                   request.prompt_template.size() >
               short_bytes ||
           !are_few(request.tools, values) || !are_few(request.format, values) ||
           has_pattern(request.tools) || has_pattern(request.format);
}

preparation prepare_request(chat::generation_request& request, const served_model& model,
                            chat::render_options options) {
    apply_defaults(request, model);
    order_results(request.messages);
    prepared_request out;
    out.how = std::move(options);
    if (out.how.format == nullptr || (is_conversation(request) && request.messages.empty())) {
        return chat::failure{chat::failure_kind::internal, core::say("request.conversation/model")};
    }
    if (!request.format.is_null()) {
        core::result<chat::format_plan> plan = chat::format_plan::make(
            request.format, model.entry->strict_schemas ? chat::schema_rule::checked_whole
                                                        : chat::schema_rule::checked_where_possible);
        if (!plan) {
            return chat::failure{chat::failure_kind::bad_request,
                                 core::say("request.format-schema/refused", plan.error().message)};
        }
        out.format = std::move(*plan);
        if (is_conversation(request)) {
            add_instruction(request.messages, out.format->instruction(!tool_names(request).empty()));
        }
    }
    force_call(request, out);
    // What can't be rendered is refused now and not after a wait for the runtime.
    auto rendered = render_request(out.how, request, request.messages);
    if (!rendered) {
        return rendered.error();
    }
    out.prompt = std::move(*rendered);
    if (out.prompt.thinking) {
        out.call.reset();  // this model always thinks
    }
    return out;
}

core::awaitable<preparation> prepare_beside(core::worker* elsewhere, chat::generation_request& request,
                                            const served_model& model,
                                            std::chrono::system_clock::time_point now) {
    std::optional<preparation> made;
    chat::render_options options = render_options_for(request, model, now);
    // A template of a client's may take long over the shortest request.
    const bool slow = !options.prompt_template.empty() || is_long(request, example_bytes(model));
    std::function<void()> work = [&] { made.emplace(prepare_request(request, model, std::move(options))); };
    core::worker* const on = slow ? elsewhere : nullptr;
    auto preparing = core::run_on(on, std::move(work), request.client);
    co_await std::move(preparing);
    co_return *std::move(made);
}

bool has_images(const chat::generation_request& request) {
    return std::ranges::any_of(request.messages,
                               [](const chat::message& message) { return !message.images.empty(); });
}

bool is_conversation(const chat::generation_request& request) {
    return !request.raw_prompt && !request.hole;
}

bool is_background(const chat::generation_request& request) {
    // Of Open WebUI; opencode and Zed; Claude Code.
    constexpr std::array<std::string_view, 4> beginnings{
        "### Task:", "You are a title generator", "Generate a concise, sentence-case title",
        "Analyze if this message indicates a new conversation topic"};
    constexpr std::array<std::string_view, 6> answers{"title",      "isNewTopic", "tags",
                                                      "follow_ups", "queries",    "emoji"};
    constexpr std::size_t most_messages = 4;
    if (request.idle_work) {
        return true;
    }
    if (!is_conversation(request) || !tool_names(request).empty() ||
        request.messages.size() > most_messages) {
        return false;
    }
    const bool begins = std::ranges::any_of(request.messages, [&](const chat::message& message) {
        const std::string_view text = core::trimmed_front(message.content);
        return message.from != chat::role::assistant &&
               std::ranges::any_of(beginnings,
                                   [&](std::string_view begin) { return text.starts_with(begin); });
    });
    const auto found = request.format.is_object() ? request.format.find("properties") : request.format.end();
    if (begins || found == request.format.end() || !found->is_object() || found->empty()) {
        return begins;
    }
    bool known = true;
    for (const auto& [key, value] : found->items()) {
        known = known && std::ranges::find(answers, key) != answers.end();
    }
    return known;
}

bool is_batch(const chat::generation_request& request) {
    const bool said = request.priority != chat::priority_class::by_shape && !request.idle_work;
    return said ? request.priority == chat::priority_class::batch : is_background(request);
}

std::string begun_answer(const chat::generation_request& request) {
    const bool begun = is_conversation(request) && !request.messages.empty() &&
                       request.messages.back().from == chat::role::assistant;
    return begun ? request.messages.back().content : std::string{};
}

std::string_view tool_name(const nlohmann::ordered_json& tool) {
    const auto function = tool.is_object() ? tool.find("function") : tool.end();
    if (function == tool.end() || !function->is_object()) {
        return {};
    }
    const auto name = function->find("name");
    return name != function->end() && name->is_string() ? name->get_ref<const std::string&>()
                                                        : std::string_view();
}

std::vector<std::string> tool_names(const chat::generation_request& request) {
    std::vector<std::string> out;
    if (!is_conversation(request) || !request.tools.is_array()) {
        return out;
    }
    for (const auto& tool : request.tools) {
        if (const std::string_view name = tool_name(tool); !name.empty()) {
            out.emplace_back(name);
        }
    }
    return out;
}

std::optional<std::uint32_t> max_tokens(const chat::limits& limits, std::uint32_t context) {
    const std::int64_t wanted = limits.num_predict.value_or(-1);
    if (wanted <= 0) {
        return std::nullopt;
    }
    const std::int64_t most = context > 0 ? context : std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min<std::int64_t>(wanted, most));
}

std::size_t max_pending_bytes(const chat::generation_request& request, std::uint32_t context) {
    constexpr std::size_t bytes_per_token = 64;
    constexpr std::size_t least = 1024 * 1024;
    constexpr std::size_t for_logprobs = 8UL * 1024 * 1024;
    return std::max(least, static_cast<std::size_t>(context) * bytes_per_token) +
           (request.top_logprobs ? for_logprobs : 0);
}

}  // namespace corral::generation

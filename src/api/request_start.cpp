#include "api/request_start.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <utility>

#include "api/add_header.hpp"
#include "api/json/go_text.hpp"
#include "api/json/json_input.hpp"
#include "api/json/zstd_body.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/generation/failure_words.hpp"
#include "corral/generation/readiness.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::api {

std::string hex_id(std::string_view prefix, unsigned digits, core::random_source& random) {
    constexpr std::string_view alphabet = "0123456789abcdef";
    constexpr unsigned digits_of_a_draw = 16;
    std::string out(prefix);
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < digits; ++i) {
        if (i % digits_of_a_draw == 0) {
            bits = random.next();
        }
        out += alphabet[bits % alphabet.size()];
        bits /= alphabet.size();
    }
    return out;
}

std::string short_id(std::string_view prefix, core::random_source& random) {
    constexpr std::uint64_t ids = 999;
    std::string out(prefix);
    out += std::to_string(random.next() % ids);
    return out;
}

std::string new_request_id(const api_context& context, const http::request& incoming) {
    constexpr unsigned digits = 16;
    std::string out = hex_id("", digits, *context.random);
    if (const std::string_view mark = request_mark(incoming); !mark.empty()) {
        out.append(".").append(mark);
    }
    return out;
}

namespace {

std::optional<core::nanoseconds> timeout_in(std::string_view said) {
    constexpr double longest = 24.0 * 60 * 60;
    double seconds = 0;
    const auto [end, wrong] = std::from_chars(said.data(), said.data() + said.size(), seconds);
    if (wrong == std::errc{} && end == said.data() + said.size()) {
        return seconds > 0 && seconds <= longest
                   ? std::optional(std::chrono::duration_cast<core::nanoseconds>(
                         std::chrono::duration<double>(seconds)))
                   : std::nullopt;
    }
    const auto span = catalog::parse_duration(said);
    return span && *span > core::milliseconds{0} && *span <= std::chrono::hours{24}
               ? std::optional<core::nanoseconds>(*span)
               : std::nullopt;
}

}  // namespace

urgency urgency_of(const api_context& context, const http::request& incoming) {
    urgency out;
    if (const std::string_view said = core::trimmed(incoming.headers.find(timeout_wish)); !said.empty()) {
        if (const auto span = timeout_in(said)) {
            out.until = core::deadline::after(*span, incoming.arrived);
        } else {
            out.unusable.push_back(timeout_wish);
        }
    }
    const std::string wish = core::lower_case(core::trimmed(incoming.headers.find(priority_wish)));
    if (!wish.empty() && wish != "batch" && wish != "interactive") {
        out.unusable.push_back(priority_wish);
    }
    const bool by_key = !incoming.owner.empty() &&
                        std::ranges::find(context.batch_keys, incoming.owner) != context.batch_keys.end();
    if (by_key || wish == "batch") {
        out.priority = chat::priority_class::batch;
    } else if (wish == "interactive" || !context.recognises_batch) {
        out.priority = chat::priority_class::interactive;
    }
    return out;
}

std::string address_for_log(const http::request& incoming) {
    const bool says_more = incoming.owner.empty() && !incoming.over_unix;
    return says_more ? incoming.peer.address().to_string() : std::string();
}

chat::generation_request begin_request(const api_context& context, const http::request& incoming,
                                       const generation::served_model& model, std::string typed) {
    chat::generation_request out;
    out.id = new_request_id(context, incoming);
    out.client = incoming.client;
    out.owner = incoming.owner;
    out.address = address_for_log(incoming);
    out.model_typed = std::move(typed);
    out.model = model.name;
    out.arrived = incoming.arrived;
    urgency asked = urgency_of(context, incoming);
    out.priority = asked.priority;
    out.until = asked.until;
    out.unused_options.assign(asked.unusable.begin(), asked.unusable.end());
    return out;
}

core::awaitable<std::optional<chat::failed_event>> load_model(const api_context& context,
                                                              generation::served model,
                                                              std::optional<core::nanoseconds> keep_alive,
                                                              core::deadline until) {
    context.admission->load(model->deployment, keep_alive);
    std::string name = model->deployment;
    const core::nanoseconds longest = std::min<core::nanoseconds>(context.generations->request_deadline(),
                                                                  until.left(context.clock->now()));
    std::optional<chat::failed_event> failed =
        co_await generation::wait_ready(std::move(name), *context.admission, longest);
    if (!failed) {
        co_return failed;
    }
    telemetry::log().info("model={} event=load.failed cause={} why=\"{}\"", model->name, name_of(*failed),
                          telemetry::printable(failed->message, 500));
    co_return generation::for_client(
        std::move(*failed),
        engine::until_ready(context.admission->runtimes_of(model->deployment), context.clock->now()));
}

nlohmann::ordered_json read_object(std::string_view body, const std::string& go_type,
                                   decode_problem& problem) {
    auto tree = read_json(body, request_limits(), problem.memory);
    if (!tree) {
        problem.set(tree.error());
    } else if (!tree->is_null() && !tree->is_object()) {
        problem.set(core::say("request.wrong-type/into", std::string(kind_word(*tree)), go_type));
    }
    return tree && tree->is_object() ? std::move(*tree) : nlohmann::ordered_json::object();
}

nlohmann::ordered_json read_small_object(std::string_view body, const std::string& go_type,
                                         decode_problem& problem) {
    constexpr std::size_t most = 64 * 1024;
    if (body.size() > most) {
        problem.set(core::say("request.unpacked-too-large/body", most), 413);
        return nlohmann::ordered_json::object();
    }
    return read_object(body, go_type, problem);
}

namespace {

nlohmann::ordered_json read_plain_text(std::string_view body, const std::string& go_type,
                                       decode_problem& problem) {
    if (core::trimmed(body, " \t\r\n").empty()) {
        problem.set(core::say("request.no-body/eof"));
        return nlohmann::ordered_json::object();
    }
    return read_object(body, go_type, problem);
}

}  // namespace

nlohmann::ordered_json read_plain_object(const http::request& incoming, const std::string& go_type,
                                         decode_problem& problem) {
    const std::string coding = core::lower_case(core::trimmed(incoming.headers.find("Content-Encoding")));
    if (coding == "zstd") {
        constexpr std::size_t most = 16 * 1024 * 1024;
        const core::result<std::string> body = unpack_zstd(incoming.body, most, problem.memory);
        if (!body) {
            problem.set(body.error());
            return nlohmann::ordered_json::object();
        }
        return read_plain_text(*body, go_type, problem);
    }
    if (!coding.empty() && coding != "identity") {
        problem.set(core::say("request.bad-encoding/request", go_quoted(coding.substr(0, 40))));
        return nlohmann::ordered_json::object();
    }
    return read_plain_text(incoming.body, go_type, problem);
}

std::string_view go_type_of(const nlohmann::ordered_json& value) {
    if (value.is_object()) {
        return "map[string]interface {}";
    }
    if (value.is_array()) {
        return "[]interface {}";
    }
    if (value.is_string()) {
        return "string";
    }
    if (value.is_boolean()) {
        return "bool";
    }
    return value.is_null() ? "<nil>" : "float64";
}

void add_tool(nlohmann::ordered_json& tools, std::string name, const std::string& description,
              const nlohmann::ordered_json* parameters) {
    nlohmann::ordered_json function{{"name", std::move(name)}};
    if (!description.empty()) {
        function["description"] = description;
    }
    function["parameters"] =
        parameters != nullptr
            ? *parameters
            : nlohmann::ordered_json{{"type", "object"}, {"properties", nlohmann::ordered_json::object()}};
    tools.push_back({{"type", "function"}, {"function", std::move(function)}});
}

std::vector<std::string> demanded_tools(const nlohmann::ordered_json& tools,
                                        const nlohmann::ordered_json& choice) {
    using nlohmann::ordered_json;
    const auto member = [](const ordered_json& object, const char* key) {
        return object.is_object() ? object.value(key, ordered_json()) : ordered_json();
    };
    const ordered_json type = choice.is_object() ? member(choice, "type") : choice;
    const ordered_json inner = member(choice, "function");
    const ordered_json named = member(inner.is_null() ? choice : inner, "name");
    const bool any = type == "required" || type == "any";
    std::vector<std::string> out;
    for (const ordered_json& tool : tools) {
        const ordered_json& name = tool.at("function").at("name");
        if (any || ((type == "function" || type == "tool") && name == named)) {
            out.push_back(name.get<std::string>());
        }
    }
    return out;
}

std::string_view request_mark(const http::request& incoming) {
    constexpr std::size_t longest = 128;
    const auto fits = [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '-' || c == '_' || c == '.' || c == ':';
    };
    const std::string_view mark = incoming.headers.find(request_mark_field);
    return mark.size() <= longest && std::ranges::all_of(mark, fits) ? mark : std::string_view{};
}

void add_request_mark(http::header_fields& headers, std::string_view mark) {
    if (!mark.empty()) {
        add_header(headers, request_mark_field, std::string(mark));
    }
}

}  // namespace corral::api

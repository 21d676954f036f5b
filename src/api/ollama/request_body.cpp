#include "api/ollama/request_body.hpp"

#include <array>
#include <utility>

#include "api/json/go_text.hpp"
#include "api/json/json_input.hpp"
#include "api/request_start.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"

namespace corral::api::ollama {

namespace {

constexpr core::nanoseconds for_ever = core::nanoseconds::max();

// Nanoseconds as a whole number, for ever where it would not fit or is negative.
core::nanoseconds bounded(double nanoseconds) {
    constexpr double most = 9.2e18;
    if (nanoseconds < 0 || nanoseconds >= most) {
        return for_ever;
    }
    return core::nanoseconds{static_cast<std::int64_t>(nanoseconds)};
}

// Takes "12.5" from the front of `rest`. False when there is no digit.
bool take_number(std::string_view& rest, double& value) {
    value = 0;
    bool any = false;
    double scale = 1;
    bool fraction = false;
    while (!rest.empty() && (core::is_digit(rest.front()) || (rest.front() == '.' && !fraction))) {
        const char c = rest.front();
        rest.remove_prefix(1);
        if (c == '.') {
            fraction = true;
            continue;
        }
        any = true;
        if (fraction) {
            scale /= 10;
            value += (c - '0') * scale;
        } else {
            value = value * 10 + (c - '0');
        }
    }
    return any;
}

// Nanoseconds in one unit; 0 for an unknown one.
double unit_size(std::string_view unit) {
    constexpr std::array<std::pair<std::string_view, double>, 8> units{{{"ns", 1.0},
                                                                        {"us", 1e3},
                                                                        {"\xC2\xB5s", 1e3},
                                                                        {"\xCE\xBCs", 1e3},
                                                                        {"ms", 1e6},
                                                                        {"s", 1e9},
                                                                        {"m", 60e9},
                                                                        {"h", 3600e9}}};
    for (const auto& [name, size] : units) {
        if (name == unit) {
            return size;
        }
    }
    return 0;
}

}  // namespace

std::optional<core::nanoseconds> parse_go_duration(std::string_view text, decode_problem& problem) {
    constexpr std::size_t longest = 1024;  // Go takes more, but nobody says it
    const std::string_view shown = echo_of(text);
    const std::string invalid = "time: invalid duration " + go_quoted(shown);
    if (text.size() > longest) {
        problem.set(invalid);
        return std::nullopt;
    }
    std::string_view rest = text;
    bool negative = false;
    if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
        negative = rest.front() == '-';
        rest.remove_prefix(1);
    }
    if (rest == "0") {
        return core::nanoseconds{0};
    }
    if (rest.empty()) {
        problem.set(invalid);
        return std::nullopt;
    }
    double sum = 0;
    while (!rest.empty()) {
        double value = 0;
        if (!take_number(rest, value)) {
            problem.set(invalid);
            return std::nullopt;
        }
        std::size_t length = 0;
        while (length < rest.size() && rest[length] != '.' && !core::is_digit(rest[length])) {
            ++length;
        }
        const std::string_view unit = rest.substr(0, length);
        rest.remove_prefix(length);
        const double size = unit_size(unit);
        if (size <= 0) {
            problem.set(unit.empty() ? core::say("request.field-value/time", go_quoted(shown))
                                     : core::say("request.field-value/unknown", go_quoted(echo_of(unit)),
                                                 go_quoted(shown)));
            return std::nullopt;
        }
        sum += value * size;
    }
    constexpr double beyond = 9223372036854775808.0;  // what Go's whole nanoseconds can't hold
    if (sum >= beyond) {
        problem.set(invalid);
        return std::nullopt;
    }
    return bounded(negative ? -sum : sum);
}

std::optional<core::nanoseconds> read_keep_alive(const json_fields& fields) {
    const auto* value = fields.find("keep_alive");
    if (value == nullptr) {
        return std::nullopt;
    }
    if (value->is_number()) {
        return bounded(value->get<double>() * 1e9);
    }
    if (value->is_string()) {
        return parse_go_duration(value->get_ref<const std::string&>(), fields.problem());
    }
    fields.problem().set(core::say("request.field-value/unsupported", std::string(go_type_of(*value))));
    return std::nullopt;
}

think_wish read_think(const json_fields& fields) {
    const auto* value = fields.find("think");
    if (value == nullptr) {
        return {};
    }
    if (value->is_boolean()) {
        return {value->get<bool>() ? think_value::on : think_value::off, {}};
    }
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
        fields.problem().set(core::say("request.field-value/boolean"));
        return {};
    }
    return {think_value::on, value->get<std::string>()};
}

std::string read_model_name(const json_fields& fields) {
    std::string model = fields.text("model").value_or("");
    std::string name = fields.text("name").value_or("");
    return model.empty() ? name : model;
}

common_fields read_common(const json_fields& fields) {
    common_fields out;
    out.model = fields.text("model").value_or("");
    out.stream = fields.boolean("stream").value_or(true);
    out.truncate = fields.boolean("truncate").value_or(true);
    static_cast<void>(fields.boolean(
        "shift"));  // these runtimes don't shift; an answer that fills the context ends by length
    out.logprobs = fields.boolean("logprobs").value_or(false);
    out.debug_render_only = fields.boolean("_debug_render_only").value_or(false);
    out.keep_alive = read_keep_alive(fields);
    out.think = read_think(fields);
    if (const auto* format = fields.find("format")) {
        const bool empty = format->is_string() && format->get_ref<const std::string&>().empty();
        out.format = empty ? nlohmann::ordered_json(nullptr) : *format;
    }
    if (const auto* options = fields.object("options", "map[string]interface {}")) {
        out.options = *options;
    }
    const auto top = fields.integer("top_logprobs");
    if (top && (*top < 0 || *top > 20)) {
        fields.problem().set(core::say("request.field-value/top"));
    } else {
        out.top_logprobs = static_cast<std::uint32_t>(top.value_or(0));
    }
    return out;
}

}  // namespace corral::api::ollama

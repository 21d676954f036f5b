#include "api/ollama/keep_alive.hpp"

#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "api/json/go_text.hpp"
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
    const std::string invalid = "time: invalid duration " + go_quoted(text);
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
            problem.set(unit.empty()
                            ? "time: missing unit in duration " + go_quoted(text)
                            : "time: unknown unit " + go_quoted(unit) + " in duration " + go_quoted(text));
            return std::nullopt;
        }
        sum += value * size;
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
    std::string go_type = "bool";
    if (value->is_object()) {
        go_type = "map[string]interface {}";
    } else if (value->is_array()) {
        go_type = "[]interface {}";
    }
    fields.problem().set("Unsupported type: '" + go_type + "'");
    return std::nullopt;
}

}  // namespace corral::api::ollama

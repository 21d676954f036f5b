#include "corral/bench/stages.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace corral::bench {

namespace {

constexpr std::size_t most_stages = 16;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') {
        text.remove_prefix(1);
    }
    while (!text.empty() && text.back() == ' ') {
        text.remove_suffix(1);
    }
    return text;
}

std::string_view taken(std::string_view& rest, char until) {
    const std::size_t end = rest.find(until);
    const std::string_view out = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return out;
}

bool is_name(std::string_view text) {
    constexpr std::size_t longest = 40;
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    });
}

std::optional<double> duration_in(std::string_view parameters) {
    while (!parameters.empty()) {
        std::string_view one = taken(parameters, ';');
        if (!one.starts_with("dur=")) {
            continue;
        }
        one.remove_prefix(4);
        double ms = 0;
        const auto read = std::from_chars(one.data(), one.data() + one.size(), ms);
        if (read.ec == std::errc{} && std::isfinite(ms) && ms >= 0) {
            return ms;
        }
    }
    return std::nullopt;
}

}  // namespace

std::vector<stage> read_server_timing(std::string_view field) {
    std::vector<stage> out;
    while (!field.empty() && out.size() < most_stages) {
        std::string_view metric = taken(field, ',');
        const std::string_view name = taken(metric, ';');
        const std::optional<double> ms = duration_in(metric);
        if (is_name(name) && ms) {
            out.push_back({std::string(name), *ms});
        }
    }
    return out;
}

double stage_spans::sum() const {
    double out = 0;
    for (const stage_name& each : stage_names()) {
        out += (this->*each.span).value_or(0);
    }
    return out;
}

const std::vector<stage_name>& stage_names() {
    static const std::vector<stage_name> all{
        {"queue", &stage_spans::queue_ms},       {"reset", &stage_spans::reset_ms},
        {"tokenise", &stage_spans::tokenise_ms}, {"prefill", &stage_spans::prefill_ms},
        {"decode", &stage_spans::decode_ms},     {"detokenise", &stage_spans::detokenise_ms},
        {"other", &stage_spans::other_ms}};
    return all;
}

std::optional<stage_spans> spans_of(const std::vector<stage>& stages) {
    stage_spans out;
    bool any = false;
    for (const stage_name& each : stage_names()) {
        const auto found = std::ranges::find(stages, each.key, &stage::name);
        if (found != stages.end()) {
            out.*each.span = found->ms;
            any = true;
        }
    }
    const auto without = [](std::optional<double>& whole, const std::optional<double>& part) {
        if (whole && part) {
            *whole = std::max(*whole - *part, 0.0);
        }
    };
    without(out.prefill_ms, out.tokenise_ms);
    without(out.decode_ms, out.detokenise_ms);
    return any ? std::optional(out) : std::nullopt;
}

}  // namespace corral::bench

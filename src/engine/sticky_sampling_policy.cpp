#include "engine/sticky_sampling_policy.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace corral::engine {

namespace {

constexpr double least_penalty = 1.0002;
constexpr double most_temperature = 100.0;
constexpr std::int64_t safe_top_k = 1000;

bool inside_unit(double value) {
    return value > 0.0 && value < 1.0;
}

double or_default(const std::optional<double>& asked, double otherwise) {
    return asked && std::isfinite(*asked) ? *asked : otherwise;
}

}  // namespace

wire_sampling complete_sampling(const chat::sampling& asked, const catalog::sampling_defaults& defaults,
                                std::uint32_t vocabulary) {
    const std::int64_t most_k = vocabulary > 0 ? std::int64_t{vocabulary} : safe_top_k;
    wire_sampling out;
    out.repetition_penalty =
        std::max(or_default(asked.repeat_penalty, defaults.repeat_penalty), least_penalty);
    const double temperature = or_default(asked.temperature, defaults.temperature);
    if (temperature <= 0.0) {
        out.top_k = 1;
        return out;
    }
    out.temperature = std::min(temperature, most_temperature);
    const bool only_top_p = asked.top_p && inside_unit(*asked.top_p) && !asked.top_k;
    const std::int64_t top_k = asked.top_k.value_or(defaults.top_k);
    if (top_k > 0 && !only_top_p) {
        out.top_k = std::min(top_k, most_k);
        return out;
    }
    const double top_p = or_default(asked.top_p, defaults.top_p);
    if (inside_unit(top_p)) {
        out.top_p = top_p;
    } else if (top_p <= 0.0) {
        out.top_k = 1;
    } else {
        out.top_k = most_k;
    }
    return out;
}

void write_sampling(nlohmann::json& body, const wire_sampling& sampling) {
    body["temperature"] = sampling.temperature;
    body["repetition_penalty"] = sampling.repetition_penalty;
    if (sampling.top_k) {
        body["top-k"] = *sampling.top_k;
    } else if (sampling.top_p) {
        body["top-p"] = *sampling.top_p;
    }
}

std::span<const std::string_view> honoured_sampling() noexcept {
    static constexpr std::array<std::string_view, 4> names{"temperature", "top_k", "top_p", "repeat_penalty"};
    return names;
}

}  // namespace corral::engine

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "corral/catalog/toml_section.hpp"

namespace corral::catalog {

namespace {

constexpr std::array<std::pair<std::string_view, double>, 4> units{
    {{"ms", 1.0}, {"s", 1000.0}, {"m", 60'000.0}, {"h", 3'600'000.0}}};

// The milliseconds of the unit that `text` begins with, and its length; "ms" is looked for before "m".
std::pair<double, std::size_t> unit_at(std::string_view text) {
    for (const auto& [name, worth] : units) {
        if (text.starts_with(name)) {
            return {worth, name.size()};
        }
    }
    return {0.0, 0};
}

}  // namespace

std::optional<core::milliseconds> parse_duration(std::string_view text) {
    if (text == "0") {
        return core::milliseconds{0};
    }
    if (text.empty()) {
        return std::nullopt;
    }
    constexpr double longest = 1e12;  // ms, some thirty years
    double total = 0.0;
    while (!text.empty()) {
        double amount = 0.0;
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, amount, std::chars_format::fixed);
        if (error != std::errc{} || !std::isfinite(amount) || std::signbit(amount)) {
            return std::nullopt;
        }
        text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
        const auto [worth, length] = unit_at(text);
        if (length == 0) {
            return std::nullopt;
        }
        text.remove_prefix(length);
        total += amount * worth;
    }
    if (total > longest) {
        return std::nullopt;
    }
    return core::milliseconds{std::llround(total)};
}

std::string duration_text(core::milliseconds span) {
    auto left = span.count();
    if (left == 0) {
        return "0s";
    }
    std::string out;
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
        const auto worth = static_cast<core::milliseconds::rep>(unit->second);
        if (left >= worth) {
            out += std::to_string(left / worth) + std::string(unit->first);
            left %= worth;
        }
    }
    return out;
}

}  // namespace corral::catalog

#include "package/files/number_pattern.hpp"

#include <algorithm>

namespace corral::package {

namespace {

constexpr std::string_view number_mark = "%d";

}  // namespace

std::string number_pattern_problem(std::string_view pattern) {
    const auto place = pattern.find(number_mark);
    if (place == std::string_view::npos) {
        return "has no %d for the number";
    }
    return std::count(pattern.begin(), pattern.end(), '%') == 1 ? std::string() : "has more than one '%'";
}

std::string expand_number(std::string_view pattern, std::uint64_t number) {
    const auto place = pattern.find(number_mark);
    std::string out(pattern.substr(0, place));
    out += std::to_string(number);
    out += pattern.substr(place + number_mark.size());
    return out;
}

}  // namespace corral::package

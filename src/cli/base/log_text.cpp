#include "cli/base/log_text.hpp"

#include <array>
#include <cctype>
#include <cstdint>
#include <ctime>

#include <fmt/format.h>

#include "cli/base/reported_fields.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t longest = 8192;

// The same name always in the same colour.
colour colour_of(const std::string& name) {
    constexpr std::array<colour, 5> all{colour::cyan, colour::green, colour::magenta, colour::blue,
                                        colour::yellow};
    std::uint32_t mixed = 2166136261U;
    for (const char c : name) {
        mixed = (mixed ^ static_cast<unsigned char>(c)) * 16777619U;
    }
    return all[mixed % all.size()];
}

}  // namespace

std::string log_path(const std::string& target, std::int64_t lines, bool follow) {
    std::string out = fmt::format("/corral/v1/logs/stream?lines={}&follow={:d}&service=", lines, follow);
    for (const char each : target) {
        const auto byte = static_cast<unsigned char>(each);
        out += std::isalnum(byte) != 0 ? std::string(1, each) : fmt::format("%{:02X}", byte);
    }
    return out;
}

std::optional<json> log_line_of(std::string_view event, json data) {
    if (!data.is_object() || (event != "line" && event != "lost")) {
        return std::nullopt;
    }
    if (event == "lost") {
        data["lost"] = data.value("lines", json(0));
        data.erase("lines");
    }
    return data;
}

std::string local_time(const std::string& stamp) {
    std::tm parts{};
    const char* const rest = ::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr) {
        return stamp;
    }
    const std::time_t when = ::timegm(&parts);
    std::string fraction = rest;
    if (fraction.ends_with('Z')) {
        fraction.pop_back();
    }
    std::tm here{};
    if (::localtime_r(&when, &here) == nullptr) {
        return stamp;
    }
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &here);
    std::array<char, 8> offset{};
    std::strftime(offset.data(), offset.size(), " %z", &here);
    return text.data() + fraction + offset.data();
}

std::string routine_text(const json& object) {
    const double count = reported_amount(object, "count");
    return fmt::format("({:.0f} routine {} of {}/{} {} counted, and not shown)\n", count,
                       count == 1.0 ? "line" : "lines", reported_text(object, "model"),
                       reported_text(object, "service"), count == 1.0 ? "was" : "were");
}

std::string log_line_text(const json& line, const text_style& style) {
    const std::string model = reported_text(line, "model", longest);
    const std::string service = reported_text(line, "service", longest);
    const std::string name = model.empty() ? service : model + "/" + service;
    const std::string stamp = reported_text(line, "time", longest);
    std::string text = reported_text(line, "text", longest);
    const auto lost = line.find("lost");
    if (lost != line.end() && lost->is_number_unsigned()) {
        text = painted(
            fmt::format("({} lines were overwritten before they could be read)", lost->get<std::uint64_t>()),
            colour::faint, style);
    }
    return fmt::format(
        "{}  {}  {}\n",
        painted(stamp.empty() ? "(before the upgrade)         " : local_time(stamp), colour::faint, style),
        painted(name, colour_of(name), style), text);
}

}  // namespace corral::cli

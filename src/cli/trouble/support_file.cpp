#include "cli/trouble/support_file.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;

std::string part_size(std::size_t bytes) {
    constexpr std::size_t unit = 1024;
    return bytes < unit ? fmt::format("{} bytes", bytes) : fmt::format("{} KiB", (bytes + unit / 2) / unit);
}

}  // namespace

std::string support_text(std::string_view text, std::size_t most, support_cut cut) {
    std::string shown = telemetry::printable_page(text);
    if (shown.size() <= most) {
        return shown;
    }
    const std::string_view all = shown;
    if (cut == support_cut::back) {
        const std::size_t end = all.rfind('\n', most);
        const std::string_view kept = all.substr(0, end == std::string_view::npos ? 0 : end + 1);
        return fmt::format("{}({} more bytes are left out)\n", kept, all.size() - kept.size());
    }
    const std::size_t begin = all.find('\n', all.size() - most);
    const std::string_view kept = begin == std::string_view::npos ? "" : all.substr(begin + 1);
    return fmt::format("({} bytes before this are left out)\n{}", all.size() - kept.size(), kept);
}

std::string support_file(std::string_view title, const std::vector<support_part>& parts) {
    std::string out = fmt::format("{}\n\n{}", title, support_list(parts));
    for (const support_part& each : parts) {
        out += fmt::format("\n==== {}: {}\n", each.name, each.about);
        out += each.text;
        out += each.text.empty() || each.text.ends_with('\n') ? "" : "\n";
    }
    return out;
}

std::string support_list(const std::vector<support_part>& parts) {
    std::size_t widest = 0;
    for (const support_part& each : parts) {
        widest = std::max(widest, each.name.size());
    }
    std::string out;
    for (const support_part& each : parts) {
        out +=
            fmt::format("  {:<{}}  {:>9}  {}\n", each.name, widest, part_size(each.text.size()), each.about);
    }
    return out;
}

json without_lines(json bundle) {
    const auto services = bundle.is_object() ? bundle.find("services") : bundle.end();
    if (services != bundle.end() && services->is_array()) {
        for (json& each : *services) {
            if (each.is_object()) {
                each.erase("lines");
            }
        }
    }
    return bundle;
}

}  // namespace corral::cli

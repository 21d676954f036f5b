#include "cli/status/ollama_page.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "cli/base/reported_fields.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/text.hpp"
#include "corral/package/gguf_header.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using json = nlohmann::ordered_json;
using table_rows = std::vector<std::vector<std::string>>;

std::string span_words(std::int64_t seconds) {
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 60 * minute;
    if (seconds < minute) {
        return seconds < 1    ? "Less than a second"
               : seconds == 1 ? "1 second"
                              : fmt::format("{} seconds", seconds);
    }
    if (seconds < hour) {
        return seconds < 2 * minute ? "About a minute" : fmt::format("{} minutes", seconds / minute);
    }
    constexpr std::int64_t day = 24;
    const std::int64_t hours = (seconds + hour / 2) / hour;
    if (hours < 2 * day) {
        return hours == 1 ? "About an hour" : fmt::format("{} hours", hours);
    }
    if (hours < 14 * day) {
        return fmt::format("{} days", hours / day);
    }
    if (hours < 60 * day) {
        return fmt::format("{} weeks", hours / (7 * day));
    }
    return hours < 730 * day ? fmt::format("{} months", hours / (30 * day))
                             : fmt::format("{} years", hours / (365 * day));
}

std::string until_text(const json& model, core::wall_time now) {
    const auto expires = core::stamp_of(reported_text(model, "expires_at"));
    if (!expires) {
        return "Never";
    }
    constexpr std::int64_t year = 365LL * 24 * 3600;
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(*expires - now).count();
    return left > 21 * year ? "Forever" : *expires < now ? "Stopping..." : span_words(left) + " from now";
}

std::string processor_text(double size, double accelerator) {
    if (accelerator == 0) {
        return "100% CPU";
    }
    if (accelerator >= size) {
        return accelerator == size ? "100% GPU" : "Unknown";
    }
    const double processors = std::round((size - accelerator) / size * 100);
    return fmt::format("{:.0f}%/{:.0f}% CPU/GPU", processors, 100 - processors);
}

// "  Model" and the rows below it, in columns.
std::string section(const char* head, const table_rows& rows, const text_style& style) {
    std::map<std::size_t, std::size_t> widths;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max<std::size_t>(widths[i], columns_of(row[i]));
        }
    }
    std::string out = "  " + painted(head, colour::bold, style) + "\n";
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += "    " + row[i] + std::string(widths[i] - columns_of(row[i]), ' ');
        }
        out += std::string(core::trimmed_back(line)) + "\n";
    }
    return out + "\n";
}

// As Go's %g does.
std::string number_text(double value) {
    const double size = std::abs(value);
    const bool far = size != 0 && (size < 1e-4 || size >= 1e6);
    std::array<char, 32> out{};
    const auto end = std::to_chars(out.data(), out.data() + out.size(), value,
                                   far ? std::chars_format::scientific : std::chars_format::fixed);
    return {out.data(), end.ptr};
}

std::string value_text(const json& value) {
    if (value.is_number()) {
        return number_text(value.get<double>());
    }
    return value.is_string() ? telemetry::printable(value.get<std::string>(), 2000)
           : value.is_null() ? "<nil>"
                             : value.dump();
}

// The row of a number that is told.
void add_number(table_rows& to, const char* name, const json& of, const std::string& key) {
    if (const json* const value = core::member(of, key.c_str()); value != nullptr && value->is_number()) {
        to.push_back({name, value->dump()});
    }
}

json object_at(const json& of, const char* key) {
    const json* const found = core::member(of, key);
    return found != nullptr && found->is_object() ? *found : json::object();
}

table_rows model_rows(const json& told, const json& info) {
    const std::string architecture = reported_text(info, "general.architecture");
    const json details = object_at(told, "details");
    const std::string size = reported_text(details, "parameter_size");
    const std::string quantization = reported_text(details, "quantization_level");
    table_rows out;
    if (!architecture.empty()) {
        out.push_back({"architecture", architecture});
    }
    if (!size.empty()) {
        out.push_back({"parameters", size});
    }
    add_number(out, "context length", info, architecture + ".context_length");
    add_number(out, "embedding length", info, architecture + ".embedding_length");
    out.push_back({"quantization", quantization.empty() ? "unknown" : quantization});
    return out;
}

table_rows projector_rows(const json& info) {
    const std::string architecture = reported_text(info, "general.architecture");
    table_rows out{{"architecture", architecture}};
    if (const auto count = core::number_at<std::uint64_t>(info, "general.parameter_count")) {
        out.push_back({"parameters", package::parameter_words(*count)});
    }
    const std::string kind = info.contains(architecture + ".vision.embedding_length") ? "vision" : "audio";
    add_number(out, "embedding length", info, architecture + "." + kind + ".embedding_length");
    add_number(out, "dimensions", info, architecture + "." + kind + ".projection_dim");
    return out;
}

// A row for each word of a list, or of a text for each line that is not empty: at most `most`, then an ellipsis.
table_rows line_rows(const std::string& text, std::size_t most) {
    table_rows out;
    for (const std::string_view line : core::split(text, '\n')) {
        const std::string_view words = core::trimmed(line);
        if (!words.empty() && out.size() <= most) {
            out.push_back({out.size() < most ? telemetry::printable(words, 2000) : "..."});
        }
    }
    return out;
}

table_rows parameter_rows(const std::string& text) {
    table_rows out;
    for (const std::string_view line : core::split(text, '\n')) {
        out.emplace_back();
        for (const std::string_view word : core::split(line, ' ')) {
            if (!word.empty()) {
                out.back().push_back(telemetry::printable(word, 2000));
            }
        }
    }
    return out;
}

table_rows metadata_rows(const json& info) {
    table_rows out;
    for (const auto& [key, value] : info.items()) {
        out.push_back({telemetry::printable(key), value_text(value)});
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

table_rows running_rows(const json& told, core::wall_time now) {
    constexpr std::size_t shown_of_digest = 12;
    table_rows out;
    for (const json& one : reported_objects(told, "models")) {
        const double size = reported_amount(one, "size");
        out.push_back({reported_text(one, "name"), reported_text(one, "digest").substr(0, shown_of_digest),
                       size_text(static_cast<std::uint64_t>(size)),
                       processor_text(size, reported_amount(one, "size_vram")),
                       fmt::format("{:.0f}", reported_amount(one, "context_length")), until_text(one, now)});
    }
    return out;
}

std::string shown_sections(const json& told, bool metadata, const text_style& style) {
    const json info = object_at(told, "model_info");
    std::string out;
    const auto add = [&](const char* head, const table_rows& rows) {
        out += rows.empty() ? std::string() : section(head, rows, style);
    };
    add("Model", model_rows(told, info));
    table_rows capabilities;
    for (const json& one : core::list_at(told, "capabilities")) {
        capabilities.push_back({value_text(one)});
    }
    add("Capabilities", capabilities);
    if (const json projector = object_at(told, "projector_info"); !projector.empty()) {
        add("Projector", projector_rows(projector));
    }
    if (const std::string parameters = core::text_at(told, "parameters"); !parameters.empty()) {
        add("Parameters", parameter_rows(parameters));
    }
    if (metadata) {
        add("Metadata", metadata_rows(info));
    }
    add("System", line_rows(core::text_at(told, "system"), 2));
    add("License", line_rows(core::text_at(told, "license"), 2));
    return out;
}

json shown_by_files(const json& facts) {
    std::string architecture = reported_text(facts, "architecture");
    if (architecture.empty()) {
        architecture = reported_text(facts, "family");
    }
    json info = {{"general.architecture", architecture}};
    info[architecture + ".context_length"] = facts["context"]["positions"];
    json out = {{"model_info", info}, {"capabilities", facts["capabilities"]}};
    out["details"] = {{"parameter_size", facts["parameter_size"]},
                      {"quantization_level", facts["quantization"]}};
    out["system"] = facts["default_system"];
    return out;
}

}  // namespace corral::cli

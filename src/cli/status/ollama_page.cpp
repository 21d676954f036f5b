#include "cli/status/ollama_page.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
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

// Lines of at most `most` columns, or of the longest word's, chosen as its table does: the squares of what stays free,
// but for the last line, are the least.
std::vector<std::string> cell_lines(const std::string& text, std::size_t most) {
    const std::vector<std::string_view> words = core::split(text, ' ');
    for (const std::string_view word : words) {
        most = std::max<std::size_t>(most, columns_of(word));
    }
    struct best_line {
        std::size_t cost = 0;
        std::size_t next = 0;  // the word behind its last
    };
    std::vector<best_line> from(words.size());
    for (std::size_t first = words.size(); first-- > 0;) {
        best_line best{.cost = std::numeric_limits<std::size_t>::max(), .next = 0};
        std::size_t wide = columns_of(words[first]);
        std::size_t next = first + 1;
        for (; next < words.size() && wide <= most; ++next) {
            const std::size_t cost = (most - wide) * (most - wide) + from[next].cost;
            best = cost < best.cost ? best_line{cost, next} : best;
            wide += 1 + columns_of(words[next]);
        }
        from[first] = wide <= most ? best_line{0, next} : best;
    }
    std::vector<std::string> out;
    for (std::size_t first = 0; first < words.size(); first = from[first].next) {
        std::string line(words[first]);
        for (std::size_t i = first + 1; i < from[first].next; ++i) {
            line.append(" ").append(words[i]);
        }
        out.push_back(std::move(line));
    }
    return out;
}

// "  Model" and the rows below it, in columns of at most `most`; what goes on is two blanks further in.
std::string section(const char* head, const table_rows& rows, std::size_t most, const text_style& style) {
    std::map<std::size_t, std::size_t> widths;
    std::vector<table_rows> cells;  // of each row, the lines of each cell
    for (const auto& row : rows) {
        cells.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            cells.back().push_back(cell_lines(row[i], most));
            for (const std::string& line : cells.back().back()) {
                widths[i] = std::max<std::size_t>(widths[i], columns_of(line));
            }
        }
    }
    std::string out = "  " + painted(head, colour::bold, style) + "\n";
    for (const table_rows& row : cells) {
        const auto shorter = [](const auto& one, const auto& other) { return one.size() < other.size(); };
        const std::size_t height = row.empty() ? 0 : std::ranges::max_element(row, shorter)->size();
        for (std::size_t at = 0; at < height; ++at) {
            std::string line(at == 0 ? 0 : 2, ' ');
            for (std::size_t i = 0; i < row.size(); ++i) {
                const std::string part = at < row[i].size() ? row[i][at] : std::string();
                line += "    " + part + std::string(widths[i] - columns_of(part), ' ');
            }
            out += std::string(core::trimmed_back(line)) + "\n";
        }
    }
    return out + "\n";
}

// Of a cell of a section; of one with a text.
constexpr std::size_t widest_cell = 30;
constexpr std::size_t widest_text = 100;

// As Go's %g does.
std::string number_text(double value) {
    const double size = std::abs(value);
    const bool far = size != 0 && (size < 1e-4 || size >= 1e6);
    std::array<char, 32> out{};
    const auto end = std::to_chars(out.data(), out.data() + out.size(), value,
                                   far ? std::chars_format::scientific : std::chars_format::fixed);
    return {out.data(), end.ptr};
}

std::string value_text(const json& value);

// As many values as have room in ten columns, and how many more there are.
std::string array_text(const json& values) {
    constexpr std::size_t room = 10;
    std::size_t used = 1;
    std::size_t shown = 0;
    std::string out = "[";
    for (const json& value : values) {
        const std::string text = value_text(value);
        const std::size_t wide = columns_of(text) + (shown > 0 ? 2 : 0);
        if (shown > 0 && used + wide > room) {
            break;
        }
        out += (shown > 0 ? " " : "") + text;
        used += wide;
        ++shown;
    }
    const std::size_t left = values.size() - shown;
    return out + (left > 0 ? fmt::format(" ...+{} more]", left) : "]");
}

std::string value_text(const json& value) {
    if (value.is_array()) {
        return array_text(value);
    }
    if (value.is_number()) {
        return number_text(value.get<double>());
    }
    return value.is_string() ? telemetry::printable(value.get<std::string>(), 2000)
           : value.is_null() ? "<nil>"
                             : value.dump();
}

// The row of a number, where there is one.
void add_number(table_rows& to, const char* name, const json& object, const std::string& key) {
    if (const json* const value = core::member(object, key.c_str()); value != nullptr && value->is_number()) {
        to.push_back({name, value->dump()});
    }
}

json object_at(const json& object, const char* key) {
    const json* const found = core::member(object, key);
    return found != nullptr && found->is_object() ? *found : json::object();
}

table_rows model_rows(const json& answer, const json& info) {
    const std::string architecture = reported_text(info, "general.architecture");
    const json details = object_at(answer, "details");
    std::string size = reported_text(details, "parameter_size");
    if (const auto count = core::number_at<std::uint64_t>(info, "general.parameter_count");
        size.empty() && count) {
        size = package::parameter_words(*count);
    }
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

table_rows tensor_rows(const json& answer) {
    table_rows out;
    for (const json& one : reported_objects(answer, "tensors")) {
        std::string shape;
        for (const json& size : core::list_at(one, "shape")) {
            shape += (shape.empty() ? "" : " ") + size.dump();
        }
        out.push_back({reported_text(one, "name"), reported_text(one, "type"), "[" + shape + "]"});
    }
    return out;
}

}  // namespace

table_rows running_rows(const json& answer, core::wall_time now) {
    constexpr std::size_t shown_of_digest = 12;
    table_rows out;
    for (const json& one : reported_objects(answer, "models")) {
        const double size = reported_amount(one, "size");
        out.push_back({reported_text(one, "name"), reported_text(one, "digest").substr(0, shown_of_digest),
                       size_text(static_cast<std::uint64_t>(size)),
                       processor_text(size, reported_amount(one, "size_vram")),
                       fmt::format("{:.0f}", reported_amount(one, "context_length")), until_text(one, now)});
    }
    return out;
}

json running_facts(const json& model) {
    json out;
    for (const char* const key : {"digest", "size_vram", "context_length", "expires_at"}) {
        const json* const value = core::member(model, key);
        out[key] = value == nullptr ? json(nullptr) : *value;
    }
    out["processor"] =
        model.is_object()
            ? json(processor_text(reported_amount(model, "size"), reported_amount(model, "size_vram")))
            : json(nullptr);
    return out;
}

std::string shown_sections(const json& answer, bool metadata, const text_style& style) {
    const json info = object_at(answer, "model_info");
    std::string out;
    const auto add = [&](const char* head, const table_rows& rows, std::size_t columns = widest_cell) {
        out += rows.empty() ? std::string() : section(head, rows, columns, style);
    };
    add("Model", model_rows(answer, info));
    table_rows capabilities;
    for (const json& one : core::list_at(answer, "capabilities")) {
        capabilities.push_back({value_text(one)});
    }
    add("Capabilities", capabilities);
    if (const json projector = object_at(answer, "projector_info"); !projector.empty()) {
        add("Projector", projector_rows(projector));
    }
    if (const std::string parameters = core::text_at(answer, "parameters"); !parameters.empty()) {
        add("Parameters", parameter_rows(parameters));
    }
    if (metadata) {
        add("Metadata", metadata_rows(info));
        add("Tensors", tensor_rows(answer));
    }
    add("System", line_rows(core::text_at(answer, "system"), 2), widest_text);
    add("License", line_rows(core::text_at(answer, "license"), 2), widest_text);
    return out;
}

json shown_by_files(const catalog::model_entry& model,
                    const std::shared_ptr<const engine::file_facts>& file) {
    engine::stated_model stated;
    engine::fill_from_file(stated, file);
    json out;
    const json parameters = engine::shown_parameters(model, json::object());
    for (const auto& [name, value] : parameters.items()) {
        for (const json& one : value.is_array() ? value : json::array({value})) {
            out["parameters"] = core::text_at(out, "parameters") + name + " " + one.dump() + "\n";
        }
    }
    out["system"] = model.default_system;
    out["details"] = {
        {"parameter_size", engine::parameter_size_of(model, stated)},
        {"quantization_level", model.quantization.empty() ? stated.quantization : model.quantization}};
    const std::string basename = model.name.substr(0, model.name.rfind(':'));
    out["model_info"] = engine::shown_info(model, stated, basename, model.context.positions);
    if (file != nullptr) {
        out["projector_info"] = file->projector;
        out["tensors"] = file->tensors;
    }
    out["capabilities"] = model.capabilities;
    return out;
}

}  // namespace corral::cli

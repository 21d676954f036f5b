#include "corral/pull/pulled_marker.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "corral/core/json.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/text.hpp"

namespace corral::pull {

namespace {

using json = nlohmann::ordered_json;

constexpr int version = 1;
constexpr core::json_limits limits{8, 8UL * 1024 * 1024};
constexpr std::size_t most_files = 10'000;

constexpr std::array<std::pair<source_kind, std::string_view>, 3> kinds{
    {{source_kind::hub, "hub"}, {source_kind::folder, "folder"}, {source_kind::local, "local"}}};

}  // namespace

bool is_inner_path(std::string_view path) {
    return std::ranges::none_of(core::split(path, '/'), [](std::string_view part) {
        return part.empty() || part == "." || part == ".." ||
               std::ranges::any_of(part, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    });
}

std::string marker_text(const pulled_marker& of) {
    json files = json::array();
    for (const expected_file& one : of.files) {
        files.push_back({{"path", one.path}, {"size", one.size.value_or(0)}, {"sha256", one.sha256}});
    }
    const auto kind = std::ranges::find(kinds, of.kind, [](const auto& one) { return one.first; });
    const json out = {{"version", version},      {"name", of.name},         {"source", kind->second},
                      {"location", of.location}, {"revision", of.revision}, {"files", std::move(files)}};
    return out.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<pulled_marker> parse_marker(std::string_view text) {
    const json read = core::parse_json<json>(text, limits);
    if (!read.is_object() || core::number_at<int>(read, "version") != version) {
        return std::nullopt;
    }
    pulled_marker out;
    out.name = core::text_at(read, "name");
    out.location = core::text_at(read, "location");
    out.revision = core::text_at(read, "revision");
    const std::string said = core::text_at(read, "source");
    const auto kind = std::ranges::find(kinds, said, [](const auto& one) { return one.second; });
    const json& files = core::list_at(read, "files");
    if (kind == kinds.end() || files.empty() || files.size() > most_files) {
        return std::nullopt;
    }
    out.kind = kind->first;
    for (const json& one : files) {
        if (!one.is_object()) {
            return std::nullopt;
        }
        expected_file file{core::text_at(one, "path"), core::number_at<std::uint64_t>(one, "size"),
                           core::text_at(one, "sha256")};
        if (!is_inner_path(file.path)) {
            return std::nullopt;
        }
        out.files.push_back(std::move(file));
    }
    return out;
}

}  // namespace corral::pull

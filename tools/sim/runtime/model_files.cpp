#include "runtime/model_files.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace corral::sim {
namespace {

constexpr std::string_view magic = "corral-sim axmodel\n";
constexpr std::string_view lfs_magic = "version https://git-lfs";

}  // namespace

file_state model_file_state(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return file_state::missing;
    std::string head(64, '\0');
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(file.gcount()));
    return head.empty() || head.starts_with(lfs_magic) ? file_state::unusable : file_state::good;
}

std::string layer_path(const std::string& name_template, int layer) {
    std::string out = name_template;
    if (const auto at = out.find("%d"); at != std::string::npos) out.replace(at, 2, std::to_string(layer));
    return out;
}

std::optional<long long> file_size(const std::string& path) {
    std::error_code problem;
    const auto size = std::filesystem::file_size(path, problem);
    if (problem) return std::nullopt;
    return static_cast<long long>(size);
}

std::optional<geometry_options> geometry_in(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(4096, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (!text.starts_with(magic)) return std::nullopt;
    const auto line = text.substr(magic.size(), text.find('\n', magic.size()) - magic.size());
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    if (!parsed.is_object()) return std::nullopt;
    scenario holder;
    apply_changes(holder, {{"geometry", parsed}});
    return holder.geometry;
}

std::string geometry_file_text(const geometry_options& geometry) {
    scenario holder;
    holder.geometry = geometry;
    return std::string(magic) + to_json(holder)["geometry"].dump() + "\n";
}

package_identity identity_in(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(4096, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    package_identity out;
    if (!text.starts_with(magic)) return out;
    const auto geometry_end = text.find('\n', magic.size());
    if (geometry_end == std::string::npos) return out;
    const auto line = text.substr(geometry_end + 1, text.find('\n', geometry_end + 1) - geometry_end - 1);
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    if (!parsed.is_object()) return out;
    out.name = parsed.value("name", out.name);
    out.device_mib = parsed.value("device_mib", out.device_mib);
    return out;
}

std::string identity_text(const package_identity& identity) {
    return nlohmann::json{{"name", identity.name}, {"device_mib", identity.device_mib}}.dump() + "\n";
}

}  // namespace corral::sim

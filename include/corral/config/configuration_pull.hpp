#pragma once
// [pull]: where packages come from, and what a download may take.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corral::catalog {
class issue_list;
class section;
}  // namespace corral::catalog

namespace corral::config {

struct pull_settings {
    std::filesystem::path directory{"/srv/models"};  // of packages, a folder each
    bool from_clients = false;                       // may clients pull and delete
    std::vector<std::string> owners;                 // of the hub, whose repositories clients may name
    std::string endpoint{"https://huggingface.co"};  // of the hub, without a final '/'; HF_ENDPOINT wins
    std::filesystem::path token_file;                // of the hub's token; empty: HF_TOKEN, if that is set
    std::uint64_t speed_limit = 0;                   // bytes a second; 0: none
    std::uint64_t quota = 0;                         // bytes of all that was pulled; 0: none
    unsigned parallel = 4;                           // files at once
    bool operator==(const pull_settings&) const = default;
};

// "500", "20MB", "1.5 GB", "512KiB"; nothing for another text and beyond 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

// "https://hub.example", with a port and a path or none; empty: `text` is no such address.
[[nodiscard]] std::string hub_endpoint(std::string_view text);

// The table `pull`, and HF_ENDPOINT of `environment`.
void read_pull(catalog::section& root, const std::map<std::string, std::string>& environment,
               const std::filesystem::path& base, catalog::issue_list& warnings, pull_settings& to);

}  // namespace corral::config

#pragma once
// The folder of black box bundles: one file each, named so that names sort by time; bounded in number and
// size, the oldest go first. Every call blocks on the disk. Other files of the folder are left alone.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/core/result.hpp"

namespace corral::telemetry {

// The format of a bundle, its member "schema".
inline constexpr int crash_schema = 1;

struct crash_limits {
    std::size_t count = 20;
    std::uint64_t bytes = 16ULL * 1024 * 1024;  // of all together; the newest stays whatever its size
};

// Newest first. Empty when there is no folder.
[[nodiscard]] core::result<std::vector<std::string>> list_crashes(const std::filesystem::path& folder);

// "20261120T142130.123456Z-qwen3-4b.json"
[[nodiscard]] std::string crash_name(std::chrono::system_clock::time_point when, std::string_view model);

// The text of one of them. errc::invalid for a name that is not of this folder's kind; files above 4 MiB are
// refused.
[[nodiscard]] core::result<std::string> read_crash(const std::filesystem::path& folder,
                                                   const std::string& name);

// What each of them is about, newest first: [{"name","time","model","kind","service","sentence"}], without control
// characters. One that can't be read says so as its sentence.
[[nodiscard]] core::result<nlohmann::ordered_json> summarise_crashes(const std::filesystem::path& folder);

// Writes `text` as `name` (mode 0600, folder 0700 where it has to be made): there whole or not at all. Then
// deletes what is beyond the limits, and what a write that was cut off has left. A failure is that of the
// write; what can't be deleted stays.
[[nodiscard]] core::result<void> keep_crash(const std::filesystem::path& folder, const std::string& name,
                                            std::string_view text, const crash_limits& limits);

}  // namespace corral::telemetry

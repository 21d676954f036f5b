#pragma once
// Gathers what `corral doctor` examines: the configuration as far as it can be read, the running Corral,
// and what the status tools of the devices say; then what it prints, and the status that it ends with.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/base/terminal.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/config/configuration.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/result.hpp"
#include "corral/doctor/doctor.hpp"

namespace corral::cli {

struct doctor_request {
    std::optional<std::string> model;  // as typed; nothing: all
    config::configuration_source source;
    std::optional<std::string> socket;  // of the running Corral; else where the configuration has it
};

// Blocks: on the disk, on the admin socket (5 s at most), on the status tools (each with its own limit).
// Fails when there is no such model. Call it before any thread exists: the tools' warden is forked here.
[[nodiscard]] core::result<doctor::examination> gather_examination(const doctor_request& asked);

// What a model of that runtime would find here, before it has a package: the driver and the device by its status tool.
// Blocks and must be called as above.
[[nodiscard]] core::result<doctor::examination> gather_for_runtime(const catalog::model_entry& model);

// MiB of memory of the largest card that a status tool of that format ("axcl-smi") shows; nothing where none does. As
// above.
[[nodiscard]] std::optional<std::uint64_t> largest_card_mb(const std::string& format,
                                                           const std::filesystem::path& config);

// What the answer to the admin verb "status" says.
[[nodiscard]] doctor::daemon_view daemon_view_of(const control::admin_json& status);

// 0: nothing above a note, 1: warnings, 2: errors.
[[nodiscard]] int doctor_status(const std::vector<catalog::finding>& found);

// For people: grouped by what was looked at, the worst group first, each finding with why and what to do.
// `found` is sorted, worst first.
[[nodiscard]] std::string doctor_page(const std::vector<catalog::finding>& found, const text_style& style);

// An array of objects {id, severity, subject, what, why, fix}, all texts.
[[nodiscard]] nlohmann::ordered_json doctor_json(const std::vector<catalog::finding>& found);
// Of another Corral's; control characters are made visible.
[[nodiscard]] std::vector<catalog::finding> findings_of(const nlohmann::ordered_json& reported);

}  // namespace corral::cli

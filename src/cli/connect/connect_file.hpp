#pragma once
// The file of a client: put in place with what stood there, and taken back to the byte.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cli/connect/client_table.hpp"
#include "corral/core/files.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

struct client_change {
    std::filesystem::path file;    // behind links
    std::filesystem::path record;  // of what stood there
    core::private_file now;        // empty where there is none
    bool there = false;
    std::optional<std::string> before;  // the first command; what an undo brings back
    std::string after;
};

// Where a client reads it. Fails where no home is known.
[[nodiscard]] core::result<std::filesystem::path> place_of_client(
    const client_entry& client, const std::map<std::string, std::string>& environment);

// What writing `text` would change; changes nothing.
[[nodiscard]] core::result<client_change> plan_client_file(
    const client_entry& client, const std::string& text,
    const std::map<std::string, std::string>& environment);

[[nodiscard]] core::result<void> write_client_file(const client_change& change);

// The file that is as it was before the first write again; gone where there was none. Fails where it was changed since.
[[nodiscard]] core::result<std::filesystem::path> undo_client_file(
    const client_entry& client, const std::map<std::string, std::string>& environment);

// The lines that differ, with "-" and "+" before them; empty: none.
[[nodiscard]] std::string difference_of(std::string_view before, std::string_view after);

}  // namespace corral::cli

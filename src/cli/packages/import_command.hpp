#pragma once
// `corral import`, for itself and for `corral pull`, which ends with it.

#include <map>
#include <string>
#include <vector>

#include "cli/base/daemon_place.hpp"
#include "cli/packages/import_plan.hpp"

namespace corral::cli {

enum import_status : int { imported = 0, imported_broken = 1, not_imported = 2 };

struct import_options {
    import_request request;
    daemon_place daemon;
    std::string folder;
    bool dry_run = false;
    bool json = false;
    bool require_signature = false;
    bool taken_later = false;  // the caller sees to it that the running Corral takes it
    std::string machine;       // what the other system's programs are built for; empty: as here
    std::string root;  // the folder below which the other system's files are; empty: it is this system
};

// What became of it, for a caller that prints it itself.
struct import_result {
    std::vector<catalog::finding> findings;  // worst first
    std::string problem;                     // why no manifest was written; empty: one was
    std::string refused;                     // why the running Corral did not take it
};

// One of import_status; imported_broken also where the running Corral did not take it. With `result` nothing is printed.
[[nodiscard]] int run_import(const import_options& options,
                             const std::map<std::string, std::string>& environment,
                             import_result* result = nullptr);

}  // namespace corral::cli

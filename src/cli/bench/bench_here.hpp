#pragma once
// The Corral of this machine, as a benchmark finds it.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/status/model_listing.hpp"
#include "corral/bench/measurement.hpp"
#include "corral/bench/trial.hpp"
#include "corral/core/result.hpp"

namespace corral::cli {

// What its admin socket and its configuration tell.
struct local_corral {
    known_models known;
    std::string url;
};
// As it listens, which may be at 0.0.0.0: as the daemon says, else the configuration, else the usual address.
[[nodiscard]] std::string listening_url(const known_models& known);
[[nodiscard]] local_corral look_here(const std::optional<std::string>& config,
                                     const std::map<std::string, std::string>& environment);

// Its certificate names the box, hardly the loopback address; here the very certificate is known.
[[nodiscard]] core::result<void> trust_here(std::optional<http::tls_peer>& to, const local_corral& here);
[[nodiscard]] bool is_served_here(const local_corral& here, const bench::trial_target& at);
// Hardware, package and profile, where they are not known yet.
void add_local_facts(bench::run_record& to, const local_corral& here);

// The file in which each run of this user is kept.

// bench/history.jsonl in the user's state directory; empty where there is none.
[[nodiscard]] std::filesystem::path history_file(const std::map<std::string, std::string>& environment);

// All that is kept; of a file that is not there nothing.
[[nodiscard]] core::result<std::vector<bench::kept_run>> kept_runs(const std::filesystem::path& file);

// The last 20 that `run` can be compared with; none where they can't be read.
[[nodiscard]] std::vector<bench::kept_run> earlier_runs(const std::filesystem::path& file,
                                                        const bench::run_record& run);

// Adds it, for two at once in turn. Blocks, for 5 s at most.
[[nodiscard]] core::result<void> keep_run(const std::filesystem::path& file, const bench::run_record& run);

}  // namespace corral::cli

#pragma once
// The Corral of this machine, as a benchmark finds it.

#include <map>
#include <optional>
#include <string>

#include "cli/status/model_listing.hpp"
#include "corral/bench/trial.hpp"

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

}  // namespace corral::cli

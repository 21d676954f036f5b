#pragma once
// Where a command has its configuration from.

#include <map>
#include <optional>
#include <string>

#include "corral/config/configuration.hpp"

namespace corral::cli {

// The variables of our environment that mean something to Corral.
[[nodiscard]] std::map<std::string, std::string> known_environment();

// Of the file that was said (--config, CORRAL_CONFIG), else of the usual places (configuration_place.hpp); one of those
// need not be there. With every dialect that there is.
[[nodiscard]] config::configuration_source source_of(const std::optional<std::string>& file,
                                                     const std::map<std::string, std::string>& environment);

// Prints what is wrong with it to standard error.
void tell(const config::configuration_result& read);

// Reads it and prints what is wrong with it to standard error.
[[nodiscard]] std::optional<config::configuration> load_and_tell(const config::configuration_source& source);

}  // namespace corral::cli

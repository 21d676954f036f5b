#pragma once
// The configuration of a start that must not end dead: a box without a person before it.

#include <functional>

#include "corral/config/configuration.hpp"

namespace corral::config {

// As load_configuration(), but for what a person would have to mend first:
// * where the file has a mistake or lost all its text, the last good copy of it is read in its place; where that is
//   no good either, whichever of both is good without its [[models]] at fault. `in_place` of the value says so.
// * files of keys and certificates that can't be read are `awaited`.
// `errors` has what is wrong with the file, and why there is no copy, when there is no value.
[[nodiscard]] configuration_result load_for_boot(configuration_source source);

}  // namespace corral::config

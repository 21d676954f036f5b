#pragma once
// What 'corral import' writes: a [[models]] table of its own as TOML, for a person to read and to edit.

#include <string>

#include "corral/package/package_reader.hpp"

namespace corral::package {

// The manifest of what.model: its keys at the top level (docs/configuration.md), beside each where its value
// comes from, what is not known as a commented key with what to write there. Only what differs from
// `runtime`, the profile as installed, is said of services and device. Whatever the package's own texts hold,
// the result is TOML that says what the model does.
// REQUIRES: what.model.
[[nodiscard]] std::string manifest_text(const reading& what, const catalog::profile& runtime);

}  // namespace corral::package

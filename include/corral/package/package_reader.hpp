#pragma once
// From a vendor's folder to a model: recognises what kind of package it is and reads what its own files say
// (docs/facts/vendor_ax.md#packages). Reads only: nothing of the package is run, and nothing is followed out
// of it.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/package/machine.hpp"

namespace corral::package {

struct read_options {
    std::optional<std::string> name;     // as typed; else made from the package
    std::optional<std::string> profile;  // of that profile, even if another fits better
    // The installed profile of that name, nullptr when there is none. What it gives must live until
    // read_package() returns. Empty function: none is installed.
    std::function<const catalog::profile*(const std::string& name)> profiles;
};

struct reading {
    std::string kind;     // of package, for people: "Axera package for the polling server"; empty: not known
    std::string profile;  // that serves it, installed or not; empty: none is known
    // What a manifest would say, `runtime` being the profile with what this package needs said otherwise
    // (environment, device); nothing: no profile of ours serves this kind, or too much is missing, and
    // `findings` say what. Who knows the families adds theirs to `capabilities`.
    std::optional<catalog::model_entry> model;
    // Added to the command of the last service, as words of a configuration: "--devices", "{devices}".
    std::vector<std::string> arguments;
    std::map<std::string, std::string> origins;  // key of the manifest ("variables.layers") -> where from
    std::vector<std::string> notes;              // worth a comment at the head of the manifest
    std::vector<catalog::finding> findings;
};

// Never throws; whatever is in `folder` gives findings at worst. At most 20,000 entries, 8 folders deep.
[[nodiscard]] reading read_package(const std::filesystem::path& folder, const machine& here,
                                   const read_options& how);

// What 'corral import' writes: a [[models]] table of its own as TOML, for a person to read and to edit.

// The manifest of what.model: its keys at the top level (docs/manifests.md), beside each where its value
// comes from, what is not known as a commented key with what to write there. Only what differs from
// `runtime`, the profile as installed, is said of services and device. Whatever the package's own texts hold,
// the result is TOML that says what the model does.
// REQUIRES: what.model.
[[nodiscard]] std::string manifest_text(const reading& what, const catalog::profile& runtime);

}  // namespace corral::package

#pragma once
// Looks at the files that a model's variables name, as the runtime would meet them: are they there, whole, of
// the right size, for this machine, and are they what their names say (docs/facts/vendor_ax.md#bad-files).
// The profile says which variable stands for what (catalog::variable_kind); nothing here knows a vendor.

#include <cstdint>
#include <string>
#include <vector>

#include "corral/catalog/finding.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/package/machine.hpp"

namespace corral::package {

// What is wrong with the package of `model`, worst first; empty: nothing. Each finding has one id and is one
// line; files of one fault are one finding ("12 of 36 layer files are git-LFS pointers ..."). Reads headers
// and sizes, at most 64 KiB of each file and 1 MiB of scripts and JSON; follows no link out of the package;
// runs nothing of it. Blocks on the disk.
[[nodiscard]] std::vector<catalog::finding> check_package(const catalog::model_entry& model,
                                                          const machine& here);

// Bytes of the files that the accelerator's memory takes (variable_spec::on_device); 0: not known, because
// the profile names none, or one of them is not there or no whole one. Looks at sizes only.
[[nodiscard]] std::uint64_t device_bytes(const catalog::model_entry& model);

// Bytes of all files of the package that the model's variables name, for a folder may hold several models; 0: not
// known, as above.
[[nodiscard]] std::uint64_t model_bytes(const catalog::model_entry& model);

}  // namespace corral::package

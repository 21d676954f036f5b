#include "cli/packages/pull_name.hpp"

#include <filesystem>
#include <utility>

#include "cli/packages/pull_needs.hpp"
#include "corral/core/say.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/pull/catalogue.hpp"

namespace corral::cli {

namespace {

// No name of a model begins so; one may be that of a folder too.
bool is_a_place(const std::string& typed) {
    std::error_code unknown;
    return typed.starts_with('.') || typed.starts_with('/') || std::filesystem::exists(typed, unknown);
}

}  // namespace

core::result<named_package> find_package(const std::string& typed, const config::configuration_place& place) {
    auto source = pull::parse_source(typed);
    if (source) {
        return named_package{std::move(*source), {}, {}, 0, {}};
    }
    if (source.error().code != core::make_error_code(core::errc::not_found)) {
        return source.error();
    }
    named_package out;
    const auto read = pull::read_catalogue(pull::catalogue_folders(place.file.parent_path()));
    for (const catalog::diagnostic& wrong : read.problems) {
        out.remarks.push_back("a part of the catalogue is left out: " + catalog::to_text(wrong));
    }
    const pull::choice found = pull::choose(read.value, typed, look_at_this_box(place));
    if (found.package == nullptr && is_a_place(typed)) {
        return core::make_failure(core::errc::not_found,
                                  core::say("pull.name/here", typed, package::shell_word(typed)));
    }
    if (found.package == nullptr) {
        return core::make_failure(core::errc::not_found, found.reason);
    }
    out.source = found.package->source;
    out.kind = found.kind;
    out.memory_mb = found.package->memory_mb;
    out.python = found.package->python;
    if (!found.remark.empty()) {
        out.remarks.push_back(found.remark);
    }
    out.remarks.insert(out.remarks.end(), found.package->faults.begin(), found.package->faults.end());
    if (!found.package->verified) {
        out.remarks.emplace_back("this package has not been tried with Corral yet");
    }
    return out;
}

}  // namespace corral::cli

// corral prune: what pulls have left unused.

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/terminal.hpp"
#include "cli/packages/model_manifest.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/pull/pulled_packages.hpp"

namespace corral::cli {

namespace {

using control::admin_json;

struct prune_options {
    daemon_place place;
    bool yes = false;
    bool json = false;
};

// One folder that may go.
struct candidate {
    std::string folder;
    bool parts = false;  // of a download that was never finished
    std::uint64_t bytes = 0;
};

struct survey {
    std::vector<candidate> unused;
    std::vector<std::string> kept;  // a line each: what stays, and why
    admin_json packages = admin_json::array();
    core::reason problem;  // why it is not known
};

survey look(const config::configuration& files) {
    survey out;
    const pull::pulled_things all = pull::look_at_pulled(files.pull.directory);
    out.problem = all.problem;
    for (const pull::pulled_package& one : all.packages) {
        const std::vector<std::string> users = users_of(files, one.folder);
        out.packages.push_back(
            {{"folder", one.folder}, {"name", one.marker.name}, {"bytes", one.bytes}, {"models", users}});
        if (one.in_use) {
            out.kept.push_back(one.folder + "  " + size_text(one.bytes) + "  being pulled");
        } else if (users.empty()) {
            out.unused.push_back({one.folder, false, one.bytes});
        } else {
            out.kept.push_back(one.folder + "  " + size_text(one.bytes) + "  used by " + core::joined(users));
        }
    }
    for (const pull::left_over& one : all.parts) {
        const bool listed = one.in_use && std::ranges::any_of(all.packages, [&](const auto& package) {
                                return package.in_use && package.folder == one.folder;
                            });
        if (one.in_use && !listed) {
            out.kept.push_back(one.folder + "  " + size_text(one.bytes) + "  being pulled");
        } else if (!one.in_use) {
            out.unused.push_back({one.folder, true, one.bytes});
        }
    }
    return out;
}

std::string line_of(const candidate& one) {
    return one.folder + "  " + size_text(one.bytes) +
           (one.parts ? "  parts of an unfinished pull" : "  no model uses it");
}

int tell(const prune_options& asked, const survey& found, const std::vector<candidate>& gone,
         std::uint64_t bytes, const std::vector<std::string>& problems) {
    if (asked.json) {
        admin_json unused = admin_json::array();
        for (const candidate& one : found.unused) {
            unused.push_back({{"folder", one.folder}, {"parts", one.parts}, {"bytes", one.bytes}});
        }
        admin_json removed = admin_json::array();
        for (const candidate& one : gone) {
            removed.push_back(one.folder);
        }
        const admin_json out = {{"ok", problems.empty()}, {"packages", found.packages},
                                {"unused", unused},       {"removed", removed},
                                {"bytes", bytes},         {"errors", problems}};
        std::cout << out.dump(2, ' ', false, admin_json::error_handler_t::replace) << '\n';
        return problems.empty() ? succeeded : failed;
    }
    if (!gone.empty()) {
        std::cout << "removed " << gone.size() << (gone.size() == 1 ? " folder: " : " folders: ")
                  << size_text(bytes) << '\n';
    }
    return problems.empty() ? succeeded : fail(problems.front(), failed, problems);
}

// With the lock held, so that no pull begins, the models are looked at again: a pull may have brought one meanwhile.
core::result<pull::removed> remove_unused(const prune_options& asked, const command_context& context,
                                          const std::filesystem::path& directory, const std::string& folder) {
    const auto held = pull::package_lock::take(directory, folder);
    if (!held) {
        return held.error();
    }
    const known_models now = look_for_models(asked.place, context.environment);
    if (!now.readable || !now.files.left_out.empty() || !users_of(now.files, folder).empty()) {
        return core::make_failure(core::errc::refused, core::say("command.remove/stays-models", folder));
    }
    return pull::remove_pulled(*held);
}

int prune(const prune_options& asked, const command_context& context) {
    const known_models known = look_for_models(asked.place, context.environment);
    // A model that can't be read may be the one that uses a package.
    if (!known.readable) {
        return fail_to_read(known);
    }
    if (!known.files.left_out.empty()) {
        return fail(core::say("remove.unknown-use/use"));
    }
    const survey found = look(known.files);
    if (!found.problem.empty()) {
        return fail(found.problem);
    }
    if (!asked.json) {
        for (const std::string& line : found.kept) {
            std::cout << line << '\n';
        }
        for (const candidate& one : found.unused) {
            std::cout << line_of(one) << '\n';
        }
    }
    if (found.unused.empty() || (!asked.yes && ::isatty(STDIN_FILENO) != 1)) {
        if (!asked.json) {
            std::cerr << (found.unused.empty() ? "there is nothing to remove in "
                                               : "nothing was removed; --yes removes what is unused in ")
                      << known.files.pull.directory.string() << '\n';
        }
        return tell(asked, found, {}, 0, {});
    }
    if (!asked.yes && !is_agreed("Remove what is unused?")) {
        return fail(core::say("command.remove/nothing-removed"));
    }
    std::vector<candidate> gone;
    std::vector<std::string> problems;
    std::uint64_t bytes = 0;
    for (const candidate& one : found.unused) {
        const auto removed = one.parts
                                 ? pull::remove_parts(known.files.pull.directory, one.folder)
                                 : remove_unused(asked, context, known.files.pull.directory, one.folder);
        if (removed) {
            gone.push_back(one);
            bytes += removed->bytes;
        } else {
            problems.push_back(removed.error().message);
        }
    }
    return tell(asked, found, gone, bytes, problems);
}

}  // namespace

void add_prune_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<prune_options>();
    CLI::App* one = program.add_subcommand(
        "prune", "Show the disk use of pulled packages and remove those no model uses");
    one->add_flag("-y,--yes", asked->yes, "Don't ask for confirmation");
    one->add_flag("--json", asked->json, "Print JSON");
    add_daemon_options(*one, asked->place);
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return prune(*asked, context); }; });
}

}  // namespace corral::cli

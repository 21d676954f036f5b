// The folder for what outlives a run: room, and whether it may be written.

#include <array>
#include <string>

#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "doctor/checks.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;
namespace fs = std::filesystem;

constexpr std::array state_directory_kinds{
    finding_kind{"state.full", severity::warning, "the disk of the state directory is nearly full",
                 "model variants and crash bundles can't be saved",
                 "free space on that disk, or set another 'state_directory'"},
    finding_kind{"state.not-writable", severity::warning, "the state directory is not writable",
                 "model variants and crash bundles can't be saved",
                 "give Corral's user write access, or set another 'state_directory'"},
};

constexpr std::uint64_t least_free = 64ULL * 1024 * 1024;

// The folder itself, else the first above it that is there.
fs::path existing(fs::path folder) {
    std::error_code unreadable;  // then its parent shows as much as can be known
    while (!fs::exists(folder, unreadable) && folder.has_parent_path() && folder != folder.parent_path()) {
        folder = folder.parent_path();
    }
    return folder;
}

void check_state_directory(const examination& box, findings& out) {
    if (!box.configuration || box.configuration->state_directory.empty()) {
        return;
    }
    const fs::path wanted = box.configuration->state_directory;
    const fs::path there = existing(wanted);
    if (const std::uint64_t left = box.around.free_bytes(there); left < least_free) {
        say(out, state_directory_kinds[0], "this machine",
            "only " + size_text(left) + " are free for the state directory '" + wanted.string() + "'");
    }
    // A running Corral writes as its own user.
    if (!box.daemon && ::access(there.c_str(), W_OK | X_OK) != 0) {
        const auto word = core::word_to_paste(wanted.string(), 600);  // with the words around it
        say(out, state_directory_kinds[1], "this machine",
            "the state directory '" + wanted.string() + "' is not writable for you",
            !word             ? core::reason()
            : there == wanted ? core::say("doctor.fix/state", *word)
                              : core::say("doctor.fix/new", *word));  // what is above it is others'
    }
}

}  // namespace

const check state_directory_check{"state-directory", "the directory for data kept between runs",
                                  start_part::none, state_directory_kinds, check_state_directory};

}  // namespace corral::doctor

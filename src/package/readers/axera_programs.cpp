#include "axera_programs.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "corral/package/file_kind.hpp"
#include "package/scripts/run_script.hpp"

namespace corral::package {

namespace {

constexpr std::uint16_t aarch64 = 183;
constexpr std::uint16_t x86_64 = 62;
constexpr std::size_t most_scripts = 64;

constexpr std::array builds{
    axera_build{"ax650", true, aarch64},
    axera_build{"axcl_aarch64", false, aarch64},
    axera_build{"axcl_x86", false, x86_64},
};

void add_trouble(axera_scripts& to, const std::string& file, const std::string& why) {
    to.troubles.push_back({"script.not-readable", catalog::severity::warning, file,
                           "The run script " + shown(file) + " was not used: " + shown(why) + ".",
                           "Corral reads scripts and does not run them.",
                           "Compare the manifest with the script, and edit the manifest where they differ."});
}

void add_commands(const std::string& file, const std::vector<script_command>& commands, axera_scripts& to) {
    for (const script_command& command : commands) {
        const auto program = axera_program_of(command.words.front());
        if (!program) {
            continue;
        }
        if (!command.unknown.empty()) {
            add_trouble(to, file, command.unknown);
            continue;
        }
        to.usable.push_back(
            {file, command.line, *program, command.words, flags_of(command.words), command.environment});
    }
}

// A name that can't be one counts as there: that script is taken, and what is wrong with it is told.
bool layers_are_there(const axera_script& script, const package_view& from) {
    const std::string* const name = find_flag(script.flags, "--template_filename_axmodel");
    if (name == nullptr) {
        return false;
    }
    std::string first = *name;
    const auto at = first.find("%d");
    if (at == std::string::npos || std::count(first.begin(), first.end(), '%') != 1 || !tidy_name(first)) {
        return true;
    }
    first.replace(at, 2, "0");
    return has_file(from, first);
}

// Less is nearer.
int distance(const axera_program& of, const axera_build& wanted) {
    const bool same = of.build != nullptr && of.build->suffix == wanted.suffix;
    const bool of_card = of.build != nullptr && !of.build->board;
    if (same && of.serves) {
        return 0;
    }
    if (wanted.board) {
        return same ? 1 : (of.serves ? 2 : 3);
    }
    return (of.serves ? 1 : 3) + (same || of_card ? 0 : 4) + (same ? -1 : 0);
}

}  // namespace

const axera_build* build_for(const machine& here) {
    const auto* const found = std::find_if(builds.begin(), builds.end(), [&](const axera_build& one) {
        return one.machine == here.elf_machine && one.board == here.is_board;
    });
    return found == builds.end() ? nullptr : &*found;
}

std::optional<axera_program> axera_program_of(std::string_view word) {
    std::string_view name = file_name(word);
    constexpr std::string_view server = "main_api_";
    constexpr std::string_view console = "main_";
    axera_program out;
    out.serves = name.starts_with(server);
    if (!out.serves && !name.starts_with(console)) {
        return std::nullopt;
    }
    name.remove_prefix(out.serves ? server.size() : console.size());
    const auto* const found = std::find_if(builds.begin(), builds.end(),
                                           [&](const axera_build& one) { return one.suffix == name; });
    out.build = found == builds.end() ? nullptr : &*found;
    return out;
}

axera_scripts find_axera_scripts(const package_view& from) {
    axera_scripts out;
    const auto files = top_files(from, ".sh");
    for (std::size_t i = 0; i < files.size() && i < most_scripts; ++i) {
        const std::string& file = files[i]->path;
        const auto text = from.tree.read(file, most_script_bytes + 1);
        if (!text) {
            add_trouble(out, file, text.error().message);
            continue;
        }
        if (parse_lfs_pointer(*text)) {
            add_trouble(out, file, "it is a git-LFS pointer, not the script");
            continue;
        }
        const auto commands = parse_run_script(*text);
        if (!commands && text->find("main_") != std::string::npos) {
            add_trouble(out, file, commands.error().message);
        }
        if (!commands) {
            continue;  // else it has to do with something else, such as an installation
        }
        add_commands(file, *commands, out);
    }
    return out;
}

const axera_script* nearest_script(const axera_scripts& among, const axera_build& wanted,
                                   const package_view& from) {
    const axera_script* best = nullptr;
    std::tuple<bool, int> best_rank;
    for (const axera_script& one : among.usable) {
        const std::tuple<bool, int> rank{!layers_are_there(one, from), distance(one.program, wanted)};
        if (best == nullptr || rank < best_rank) {
            best = &one;
            best_rank = rank;
        }
    }
    return best;
}

}  // namespace corral::package

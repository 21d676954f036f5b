#include "cli/packages/import_plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

#include <unistd.h>

#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/bounded_program.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

// Packages with a compiler's work in them take minutes on a small board.
constexpr std::chrono::minutes pip_limit{30};
constexpr std::chrono::minutes venv_limit{5};
constexpr const char* for_the_box = "/opt/corral-python";

// All that this process has: where pip fetches from, and by which proxy, is set there.
std::vector<std::string> variables() {
    std::vector<std::string> out{"PIP_NO_INPUT=1", "PIP_DISABLE_PIP_VERSION_CHECK=1", "PYTHONUNBUFFERED=1"};
    for (char** each = environ; *each != nullptr; ++each) {
        out.emplace_back(*each);
    }
    return out;
}

std::string shown_command(const std::vector<std::string>& command) {
    std::string out;
    for (const std::string& word : command) {
        out += (out.empty() ? "" : " ") + package::shell_word(word);
    }
    return telemetry::printable(out, 400);
}

core::failure not_made(core::reason why) {
    return core::make_failure(core::errc::unavailable, std::move(why));
}

core::result<void> run(std::vector<std::string> command, const fs::path& folder,
                       std::chrono::minutes patience, const std::string& modules) {
    const std::string shown = shown_command(command);
    const auto end = package::run_bounded({command, variables(), patience, true, true, folder.string()});
    if (!end) {
        return not_made(core::say("package.modules/venv", shown));
    }
    if (end->status == 0) {
        return {};
    }
    if (is_offline(end->output)) {
        return not_made(core::say("package.modules/offline", shown, modules));
    }
    const std::string said = telemetry::printable(telling_line(end->output), 300);
    return not_made(said.empty() ? core::say("package.modules/late", shown)
                                 : core::say("package.modules/failed", shown, said));
}

}  // namespace

fs::path environment_folder(const fs::path& own) {
    return *std::next(own.begin()) == "etc" ? fs::path(for_the_box) : own;
}

core::result<std::string> install_modules(const package::repair& wanted, const fs::path& folder) {
    std::string python = wanted.python;
    std::string modules;  // as a shell takes them
    for (const std::string& one : wanted.install) {
        modules += (modules.empty() ? "" : " ") + package::shell_word(one);
    }
    if (!wanted.variable.empty()) {
        const auto made = run({python, "-m", "venv", "--system-site-packages", folder.string()}, folder,
                              venv_limit, modules);
        if (!made) {
            return made.error();
        }
        python = (folder / "bin/python").string();
    }
    std::vector<std::string> command{python, "-m", "pip", "install"};
    command.insert(command.end(), wanted.install.begin(), wanted.install.end());
    const auto filled = run(std::move(command), folder, pip_limit, modules);
    if (!filled) {
        return filled.error();
    }
    return python;
}

std::string telling_line(std::string_view output) {
    std::string_view last;
    std::string_view error;
    while (!output.empty()) {
        const std::size_t end = std::min(output.find('\n'), output.size());
        const std::string_view line = output.substr(0, end);
        output.remove_prefix(std::min(end + 1, output.size()));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        last = line;
        error = line.starts_with("ERROR:") || line.starts_with("Error:") ? line : error;
    }
    return std::string(error.empty() ? last : error);
}

bool is_offline(std::string_view output) {
    constexpr std::array<std::string_view, 5> signs{
        "Temporary failure in name resolution", "Failed to establish a new connection",
        "Network is unreachable", "Name or service not known", "No matching distribution found"};
    return std::ranges::any_of(signs,
                               [&](std::string_view sign) { return output.find(sign) != output.npos; });
}

}  // namespace corral::cli

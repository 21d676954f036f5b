#include "cli/packages/import_report.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "corral/catalog/model_name.hpp"
#include "corral/core/text.hpp"
#include "corral/package/file_kind.hpp"
#include "corral/package/package_tree.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

constexpr std::string_view run_word = "Run: ";

std::string line(const std::string& text) {
    return telemetry::printable(text, 2000);
}

std::string spaced(std::string text) {
    std::ranges::replace(text, '_', ' ');
    return text;
}

std::string listed(const std::vector<std::string>& which, bool all) {
    constexpr std::size_t first_ones = 8;
    std::string out;
    for (std::size_t i = 0; i < which.size() && (all || i < first_ones); ++i) {
        out += (i == 0 ? "" : ", ") + which[i];
    }
    return out + (!all && which.size() > first_ones ? ", ..." : "");
}

std::string lot_text(const package::file_group& of, const package::file_group::lot& lot, bool all) {
    if (!of.numbered) {
        return lot.word;
    }
    const bool noun = lot.word == "LFS pointer";
    return fmt::format("{} {}{} ({})", lot.which.size(), lot.word, noun && lot.which.size() > 1 ? "s" : "",
                       listed(lot.which, all));
}

std::string sizes_text(const package::file_group& of) {
    if (of.bytes_all == 0) {
        return {};
    }
    return of.bytes_here == of.bytes_all
               ? "; " + package::size_words(of.bytes_all)
               : "; " + package::size_words(of.bytes_here) + " of " + package::size_words(of.bytes_all);
}

constexpr std::string_view then_word = "; then ";

// The command in "Run: COMMAND; then ...", whose names are quoted and may hold anything.
std::string command_in(const std::string& fix) {
    if (!fix.starts_with(run_word)) {
        return {};
    }
    const std::size_t end = std::min(core::find_unquoted(fix, then_word), fix.size());
    return fix.substr(run_word.size(), end - run_word.size());
}

// A word of a command without the quotes of core::shell_word.
std::string unquoted(std::string_view word) {
    std::string out;
    bool inside = false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] == '\'') {
            inside = !inside;
            continue;
        }
        i += !inside && word[i] == '\\' ? 1 : 0;
        out += word.substr(i, 1);
    }
    return out;
}

// What the command writes to: the folder behind -C or --local-dir, the file of chmod, the environment of venv.
std::string place_of(std::string_view command) {
    for (const std::string_view before :
         {"git -C ", "--local-dir ", "chmod +x ", "--system-site-packages "}) {
        const std::size_t at = core::find_unquoted(command, before);
        if (at != std::string_view::npos) {
            const std::string_view rest = command.substr(at + before.size());
            return unquoted(rest.substr(0, core::find_unquoted(rest, " ")));
        }
    }
    return {};
}

// Whatever follows a step that needs it, needs it too: it works in the same place.
std::string with_sudo(const std::string& command,
                      const std::function<bool(const std::filesystem::path&)>& may_write) {
    constexpr std::string_view between = " && ";
    std::string out;
    bool needed = false;
    for (std::size_t begin = 0; begin <= command.size();) {
        const std::size_t end = std::min(core::find_unquoted(command, between, begin), command.size());
        const std::string step = command.substr(begin, end - begin);
        const std::string place = place_of(step);
        needed = needed || (!place.empty() && !may_write(place));
        out += (out.empty() ? "" : std::string(between)) +
               (needed && !step.starts_with("sudo ") ? "sudo " : "") + step;
        begin = end + between.size();
    }
    return out;
}

}  // namespace

std::string group_lines(const std::vector<package::file_group>& groups, bool all) {
    std::string out;
    for (const package::file_group& of : groups) {
        std::string text;
        if (of.numbered) {
            text = fmt::format("{} {}: ", of.count, spaced(of.variable));
        } else {
            text = spaced(of.variable) + ": ";
        }
        std::string stands = of.whole == 0 && !of.faults.empty() ? std::string()
                             : of.numbered                       ? fmt::format("{} whole", of.whole)
                                                                 : std::string("whole");
        for (const package::file_group::lot& lot : of.faults) {
            stands += (stands.empty() ? "" : ", ") + lot_text(of, lot, all);
        }
        out += "  " + line(text + stands + sizes_text(of)) + '\n';
    }
    return out;
}

std::string finding_lines(const import_plan& plan, bool all, const text_style& style) {
    std::string out;
    for (const catalog::finding& one : plan.findings) {
        const colour paint = one.level == catalog::severity::error     ? colour::red
                             : one.level == catalog::severity::warning ? colour::yellow
                                                                       : colour::faint;
        out += painted(std::string(catalog::severity_name(one.level)) + ":", paint, style) + " " +
               line(one.what) + '\n';
        if (!one.why.empty()) {
            out += "    why: " + line(one.why) + '\n';
        }
        if (!one.fix.empty() && !one.fix.starts_with(run_word)) {
            out += "    fix: " + line(one.fix) + '\n';
        } else if (const auto then = core::find_unquoted(one.fix, then_word); then != std::string::npos) {
            out += "    fix: what is below; " + line(one.fix.substr(then + 2)) + '\n';
        }
        if (std::ranges::find(plan.repairable, one.id) != plan.repairable.end()) {
            const bool command = one.fix.starts_with(run_word);
            out += std::string("    fix: ") + (command ? "the command below, or import" : "or import") +
                   " again with --fix\n";
        }
        const auto files = plan.files.find(one.id);
        if (all && files != plan.files.end() && files->second.size() > 1) {
            for (const std::string& file : files->second) {
                out += "    " + line(file) + '\n';
            }
        }
    }
    return out;
}

std::vector<std::string> commands_of(const import_plan& plan,
                                     const std::function<bool(const std::filesystem::path&)>& may_write) {
    std::vector<std::string> out;
    for (const catalog::finding& one : plan.findings) {
        std::string command = with_sudo(command_in(one.fix), may_write);
        if (!command.empty() && std::ranges::find(out, command) == out.end()) {
            out.push_back(std::move(command));
        }
    }
    return out;
}

std::vector<std::string> hub_commands(const std::string& typed) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    std::string_view rest = typed;
    bool other_hub = false;
    for (const std::string_view scheme : {"https://", "http://"}) {
        rest = rest.starts_with(scheme) ? rest.substr(scheme.size()) : rest;
    }
    for (const std::string_view site : {"www.modelscope.cn/models/", "modelscope.cn/models/"}) {
        other_hub = other_hub || rest.starts_with(site);
        rest = rest.starts_with(site) ? rest.substr(site.size()) : rest;
    }
    for (const std::string_view site : {"huggingface.co/", "hf.co/"}) {
        rest = rest.starts_with(site) ? rest.substr(site.size()) : rest;
    }
    const bool address = rest.size() != typed.size();
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos && !address && rest.find(':') != std::string_view::npos &&
        catalog::display_name(typed)) {
        return {"corral pull " + typed};  // NAME:TAG, which no folder is called
    }
    if (slash == 0 || slash == std::string_view::npos) {
        return {};
    }
    const std::string owner(rest.substr(0, slash));
    std::string name(rest.substr(slash + 1));
    if (address) {
        name = name.substr(0, name.find_first_of("/?#"));
    }
    const auto is_word = [&](const std::string& word) {
        return !word.empty() && word.front() != '.' && word.find_first_not_of(letters) == std::string::npos;
    };
    if (!is_word(owner) || !is_word(name)) {
        return {};
    }
    const std::string from = owner + "/" + name;
    if (!other_hub) {
        return {"corral pull hf.co/" + from};
    }
    return {"modelscope download --model " + from + " --local_dir " + name, "corral import " + name};
}

}  // namespace corral::cli

#include "package/readers/axera.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <tuple>
#include <utility>

#include "corral/core/text.hpp"
#include "corral/package/file_kind.hpp"
#include "package/files/json_document.hpp"
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
    to.troubles.push_back(catalog::finding_of(
        catalog::severity::warning, core::say("script.not-readable", shown(file), shown(why)), file));
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
            {file, command.line, *program, flags_of(command.words, command.lines), command.environment});
    }
}

// A name that can't be one counts as there: that script is taken, and what is wrong with it is reported.
bool layers_are_there(const axera_script& script, const package_view& view) {
    const std::string* const name = find_flag(script.flags, "--template_filename_axmodel");
    if (name == nullptr) {
        return false;
    }
    std::string first = *name;
    const auto at = first.find("%d");
    if (at == std::string::npos || std::ranges::count(first, '%') != 1 || !tidy_name(first)) {
        return true;
    }
    first.replace(at, 2, "0");
    return has_file(view, first);
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

constexpr unsigned most_layers = 1000;
constexpr std::size_t config_bytes = 64 * 1024;
constexpr std::uint64_t most_rows = std::uint64_t{16} * 1024 * 1024;
constexpr std::uint64_t most_width = 65536;
constexpr std::uint64_t bytes_per_value = 2;  // bfloat16

using core::is_digit;

struct numbered_name {
    std::string pattern;  // with %d
    unsigned number = 0;
};

// "d/qwen3_p128_l12_together.axmodel": the digits behind the last "_l" that has some.
std::optional<numbered_name> numbered(const std::string& path) {
    for (auto at = path.rfind("_l"); at != std::string::npos && at > 0; at = path.rfind("_l", at - 1)) {
        const std::size_t first = at + 2;
        std::size_t end = first;
        while (end < path.size() && is_digit(path[end])) {
            ++end;
        }
        unsigned number = 0;
        const auto [last, error] = std::from_chars(path.data() + first, path.data() + end, number);
        const bool whole = error == std::errc() && last == path.data() + end && number < most_layers;
        if (end > first && whole && path.find('%') == std::string::npos) {
            return numbered_name{path.substr(0, first) + "%d" + path.substr(end), number};
        }
    }
    return std::nullopt;
}

// The pattern of most files, the first by name of those; with how many there must be.
std::pair<std::string, unsigned> largest_set(const std::vector<const node*>& models) {
    std::map<std::string, std::set<unsigned>> sets;
    for (const node* one : models) {
        if (auto name = numbered(one->path)) {
            sets[name->pattern].insert(name->number);
        }
    }
    const auto most = std::ranges::max_element(
        sets, [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    return most == sets.end() ? std::pair(std::string(), 0U)
                              : std::pair(most->first, *most->second.rbegin() + 1);
}

// In that folder, else anywhere; "" where there is none.
template <typename Test>
std::string one_file(const std::vector<const node*>& among, std::string_view folder, Test fits) {
    std::string elsewhere;
    for (const node* one : among) {
        if (!fits(one->path)) {
            continue;
        }
        if (folder_name(one->path) == folder) {
            return one->path;
        }
        elsewhere = elsewhere.empty() ? one->path : elsewhere;
    }
    return elsewhere;
}

// "hidden_size" of the package's config.json files, with the file.
std::vector<std::pair<std::uint64_t, std::string>> said_widths(const package_view& view) {
    std::vector<std::pair<std::uint64_t, std::string>> out;
    for (const node* file : all_files(view, "config.json")) {
        if (file_name(file->path) != "config.json" || out.size() >= 16) {
            continue;
        }
        const auto document = json_document::parse(read_text(view, file->path, config_bytes));
        for (const char* key : {"hidden_size", "text_config.hidden_size"}) {
            if (const auto width = document ? document->count(key, most_width) : std::nullopt) {
                out.emplace_back(*width, file->path);
            }
        }
    }
    return out;
}

void find_shape(const package_view& view, const std::string& embedding, axera_files& to) {
    const std::uint64_t values = full_size(view, embedding) / bytes_per_value;
    for (const auto& [width, file] : said_widths(view)) {
        const std::uint64_t rows = values / width;
        if (values % width != 0 || rows == 0 || rows > most_rows) {
            continue;
        }
        to.flags.push_back({"--tokens_embed_num", std::to_string(rows)});
        to.flags.push_back({"--tokens_embed_size", std::to_string(width)});
        to.origins["--tokens_embed_num"] = "the size of " + embedding + " by the hidden size of " + file;
        to.origins["--tokens_embed_size"] = "hidden_size of " + file;
        return;
    }
    to.missing.emplace_back(
        "the embedding's rows and width (no config.json says a hidden size that fits its size)");
}

}  // namespace

const axera_build* build_for(const machine& here) {
    const auto* const found = std::ranges::find_if(builds, [&](const axera_build& one) {
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
    const auto* const found = std::ranges::find(builds, name, &axera_build::suffix);
    out.build = found == builds.end() ? nullptr : &*found;
    return out;
}

axera_scripts find_axera_scripts(const package_view& view) {
    axera_scripts out;
    const auto files = top_files(view, ".sh");
    for (std::size_t i = 0; i < files.size() && i < most_scripts; ++i) {
        const std::string& file = files[i]->path;
        const auto text = view.tree.read(file, most_script_bytes + 1);
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
                                   const package_view& view) {
    const axera_script* best = nullptr;
    std::tuple<bool, int> best_rank;
    for (const axera_script& one : among.usable) {
        const std::tuple<bool, int> rank{!layers_are_there(one, view), distance(one.program, wanted)};
        if (best == nullptr || rank < best_rank) {
            best = &one;
            best_rank = rank;
        }
    }
    return best;
}

axera_files find_axera_files(const package_view& view) {
    axera_files out;
    const auto models = all_files(view, ".axmodel");
    const auto [pattern, count] = largest_set(models);
    const auto add = [&](const char* flag, const std::string& value, const std::string& origin,
                         const char* what) {
        if (value.empty()) {
            out.missing.emplace_back(what);
            return;
        }
        out.flags.push_back({flag, value});
        out.origins[flag] = origin;
    };
    const std::string folder(folder_name(pattern));
    if (pattern.empty()) {
        return out;
    }
    add("--template_filename_axmodel", pattern, "the numbered files", "");
    add("--axmodel_num", std::to_string(count), "the highest number of the layer files, and one", "");
    add("--filename_post_axmodel",
        one_file(models, folder, [](std::string_view path) { return path.ends_with("_post.axmodel"); }),
        "its name", "the last stage (*_post.axmodel)");
    const std::string embedding = one_file(all_files(view, ".bin"), folder, [](std::string_view path) {
        return file_name(path).find("embed_tokens") != std::string_view::npos;
    });
    add("--filename_tokens_embed", embedding, "its name", "the embedding (*embed_tokens*.bin)");
    if (!embedding.empty()) {
        find_shape(view, embedding, out);
    }
    return out;
}

}  // namespace corral::package

// Axera packages of the polling generation: main_api_*, *_tokenizer_uid.py, run scripts (vendor_ax.md §1,
// §6.1, §12.1).

#include "axera_uid.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "corral/catalog/placeholders.hpp"
#include "package/model_naming.hpp"
#include "package/readers/axera_files.hpp"
#include "package/readers/axera_programs.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::string_view tokenizer_ending = "_tokenizer_uid.py";

// The server's own options (vendor_ax.md §1); it ends at any other.
constexpr std::array<std::string_view, 10> server_flags{
    "--system_prompt",       "--template_filename_axmodel", "--filename_post_axmodel", "--url_tokenizer_model",
    "--filename_tokens_embed", "--axmodel_num",             "--tokens_embed_num",      "--tokens_embed_size",
    "--use_mmap_load_embed", "--devices"};

struct number_rule {
    std::string_view flag;
    std::uint64_t least;
    std::uint64_t most;
    std::string_view about;
};
constexpr std::array number_rules{
    number_rule{"--axmodel_num", 1, 1000, "the number of layers"},
    number_rule{"--tokens_embed_num", 1, std::uint64_t{16} * 1024 * 1024, "the rows of the embedding"},
    number_rule{"--tokens_embed_size", 1, 65536, "the width of the embedding"},
    number_rule{"--use_mmap_load_embed", 0, 1, "a switch"},
};
constexpr std::array<std::string_view, 3> file_flags{"--template_filename_axmodel", "--filename_post_axmodel",
                                                     "--filename_tokens_embed"};

template <typename List>
bool is_among(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::optional<std::uint64_t> number_in(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                     : std::nullopt;
}

// Where the words come from: a script, or the files themselves.
struct source_of_words {
    std::string where;    // "run_x.sh"; empty: the files
    std::string subject;  // of findings
    std::map<std::string, std::string> origins;
    [[nodiscard]] std::string origin(const std::string& flag) const {
        const auto own = origins.find(flag);
        return own != origins.end() ? own->second : where + ", " + flag;
    }
};

void refuse(reading& to, const source_of_words& from, const char* id, const std::string& what,
            const std::string& why) {
    add_finding(to, id, severity::error, from.subject, what, why,
                "Compare it with the vendor's own package; correct the script and import again.");
}

// False, and an error, where no sane package says that.
bool check_value(const flag_word& flag, const source_of_words& from, reading& to) {
    const auto* const rule =
        std::find_if(number_rules.begin(), number_rules.end(),
                     [&](const number_rule& one) { return one.flag == flag.name; });
    if (rule != number_rules.end()) {
        const auto value = number_in(flag.value);
        if (value && *value >= rule->least && *value <= rule->most) {
            return true;
        }
        refuse(to, from, "script.number",
               flag.name + " is '" + shown(flag.value, 40) + "' in " + from.subject + ", but " +
                   std::string(rule->about) + " is from " + std::to_string(rule->least) + " to " +
                   std::to_string(rule->most) + ".",
               "The server would refuse it, or ask for memory that no machine has.");
        return false;
    }
    if (!is_among(file_flags, flag.name)) {
        return true;
    }
    if (const auto name = tidy_name(flag.value); !name) {
        refuse(to, from, "script.path",
               flag.name + " names '" + shown(flag.value, 80) + "' in " + from.subject + ": " +
                   name.error().message + ".",
               "A package's files are inside its folder; Corral follows nothing out of it.");
        return false;
    }
    const bool numbered = flag.name == file_flags.front();
    const auto percents = std::count(flag.value.begin(), flag.value.end(), '%');
    if (percents == (numbered ? 1 : 0) && (!numbered || flag.value.find("%d") != std::string::npos)) {
        return true;
    }
    refuse(to, from, "script.pattern",
           flag.name + " is '" + shown(flag.value, 80) + "' in " + from.subject +
               (numbered ? ", which has not exactly one %d." : ", a file's name with a % in it."),
           "The server puts the number of each layer in the place of %d.");
    return false;
}

// "0,1" as cards; nothing when it is none.
std::optional<catalog::seat> cards_in(std::string_view text) {
    catalog::seat out;
    while (true) {
        const auto comma = text.find(',');
        const auto value = number_in(std::string(text.substr(0, comma)));
        if (!value || *value > 63 || out.size() == 16 || is_among(out, static_cast<unsigned>(*value))) {
            return std::nullopt;
        }
        out.push_back(static_cast<unsigned>(*value));
        if (comma == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(comma + 1);
    }
}

bool is_among(const catalog::seat& seat, unsigned card) {
    return std::find(seat.begin(), seat.end(), card) != seat.end();
}

// On a host the server needs --devices, on the board it does not know it.
void set_devices(const package_view& from, const axera_build& build, const axera_script* script, reading& to) {
    const std::string* const said = script == nullptr ? nullptr : find_flag(script->flags, "--devices");
    if (build.board) {
        if (said != nullptr) {
            to.notes.emplace_back("--devices of the script is left out: the board's own program has none");
        }
        return;
    }
    const bool own = script != nullptr && script->program.build == &build;
    catalog::seat seat{0};
    if (said != nullptr && own) {
        const auto cards = cards_in(*said);
        if (!cards) {
            add_finding(to, "script.number", severity::error, script->file,
                        "--devices is '" + shown(*said, 40) + "' in " + script->file +
                            ", which is no list of cards such as 0 or 0,1.",
                        "The server would end at once.",
                        "Correct the script and import again, or remove the word there.");
            to.model.reset();
            return;
        }
        seat = *cards;
        to.origins["cards"] = script->file + ", --devices";
    } else if (said != nullptr && *said != "0") {
        to.notes.push_back("--devices " + *said + " of " + script->file +
                           " is for another machine; one card, 0, is taken");
    }
    std::string cards;
    for (const unsigned card : seat) {
        cards += (cards.empty() ? "" : ",") + std::to_string(card);
    }
    if (seat.size() > 1) {
        to.notes.push_back("one process over the cards " + cards + ", as the script says; with one card write 0");
    }
    const bool filled_in = is_among(catalog::built_in_placeholders(*from.runtime), "devices");
    if (filled_in) {
        to.model->seats = {seat};
        to.model->cards = seat;
    }
    to.arguments = {"--devices", filled_in ? "{devices}" : cards};
}

void leave_out(const flag_word& flag, const source_of_words& from, bool from_server, reading& to) {
    if (!from_server) {
        to.notes.push_back(flag.name + " of " + from.where + " is left out: it is the console program's");
        return;
    }
    add_finding(to, "script.unknown-option", severity::warning, from.subject,
                "The option " + shown(flag.name, 60) + " in " + from.subject +
                    " is none of the server's; it is left out of the manifest.",
                "The server ends at an option that it does not know.", "");
}

// Words to variables. False where one of them is absurd.
bool bind(const std::vector<flag_word>& flags, const source_of_words& from, bool from_server,
          const package_view& view, reading& to) {
    const auto& service = view.runtime->services.back();
    const auto variables = flags_of_template(service);
    const auto built_in = catalog::built_in_placeholders(*view.runtime);
    bool sane = true;
    for (const flag_word& flag : flags) {
        if (!is_among(server_flags, flag.name)) {
            leave_out(flag, from, from_server, to);
            continue;
        }
        if (!check_value(flag, from, to)) {
            sane = false;
            continue;
        }
        const auto variable = variables.find(flag.name);
        if (variable == variables.end()) {
            continue;  // --devices; set_devices() decides
        }
        if (variable->second == "vocabulary") {
            to.model->context.vocabulary = static_cast<std::uint32_t>(*number_in(flag.value));
            to.origins["context.vocabulary"] = from.origin(flag.name);
        } else if (!is_among(built_in, variable->second)) {
            to.model->variables[variable->second] = flag.value;
            to.origins["variables." + variable->second] = from.origin(flag.name);
        }
    }
    return sane;
}

// The board's memory is read from a file of its driver; a card's libraries are where no log-in shell is
// needed to find them (vendor_ax.md §1, §14.3).
void set_surroundings(const axera_build& build, reading& to) {
    auto& runtime = to.model->runtime;
    if (build.board) {
        runtime.device.format = "mem-cmm-info";
        runtime.device.command = {"cat", "/proc/ax_proc/mem_cmm_info"};
        runtime.device.environment.clear();
        runtime.device.advice =
            "restart the board; its driver has lost the memory of a process that ended badly";
        return;
    }
    auto& environment = runtime.services.back().environment;
    environment.try_emplace("LD_LIBRARY_PATH", "/usr/lib/axcl");
}

void set_program(const package_view& from, const axera_build& build, reading& to) {
    const std::string variable = program_variable(from.runtime->services.back());
    if (variable.empty()) {
        return;
    }
    std::string name = "main_api_" + std::string(build.suffix);
    if (!has_file(from, name)) {
        const axera_build* other = nullptr;
        for (const node* file : top_files(from, "")) {
            const auto program = axera_program_of(file->path);
            const bool fits = program && program->serves && program->build != nullptr &&
                              program->build->board == build.board;
            other = fits && other == nullptr ? program->build : other;
        }
        if (from.here.emulates && other != nullptr) {
            name = "main_api_" + std::string(other->suffix);
            to.notes.push_back(name + " is for another machine; it runs here under emulation");
        } else {
            add_finding(to, "package.no-server-program", severity::error, name,
                        "The package has no " + name + ", the server for this machine.",
                        "Its console programs (main_*) serve nobody.",
                        "Copy " + name + " from another package of the same generation, such as Qwen3-4B, to " +
                            shell_word((from.tree.folder() / name).string()) + " and chmod +x it.");
        }
    }
    to.model->variables[variable] = "./" + name;
    to.origins["variables." + variable] = from.here.is_board ? "the server for this board"
                                                              : "the server for a card in this machine";
}

void set_tokenizer(const package_view& from, std::vector<naming_hint>& hints, reading& to) {
    const auto scripts = top_files(from, tokenizer_ending);
    const auto variable =
        std::find_if(from.runtime->variables.begin(), from.runtime->variables.end(), [](const auto& one) {
            return one.kind == catalog::variable_kind::python_script;
        });
    if (variable == from.runtime->variables.end()) {
        return;
    }
    if (scripts.empty()) {
        add_finding(to, "package.no-tokenizer", severity::error, "",
                    "The package has no tokenizer service (*" + std::string(tokenizer_ending) + ").",
                    "The server asks it for every prompt and every piece of text.",
                    "Take the script from the vendor's package of the same model.");
        to.origins["variables." + variable->name] = "no *" + std::string(tokenizer_ending) + " was found";
        return;
    }
    to.model->variables[variable->name] = scripts.front()->path;
    to.origins["variables." + variable->name] = "its name";
    hints.push_back({scripts.front()->path.substr(0, scripts.front()->path.size() - tokenizer_ending.size()),
                     "the tokenizer script's name"});
    for (std::size_t i = 1; i < scripts.size() && i < 4; ++i) {
        to.notes.push_back("there is also the tokenizer script " + shown(scripts[i]->path, 80));
    }
}

// The manifest's words from the files alone.
bool bind_files(const package_view& from, std::vector<naming_hint>& hints, reading& to) {
    const axera_files files = find_axera_files(from);
    source_of_words words;
    words.subject = "the package";
    words.origins = files.origins;
    to.notes.emplace_back("no run script could be used: what follows is read from the names and sizes of the files");
    if (const auto* const layers = find_flag(files.flags, "--template_filename_axmodel")) {
        hints.push_back({std::string(folder_name(*layers)), "the folder of the layer files"});
    }
    if (find_flag(files.flags, "--template_filename_axmodel") == nullptr) {
        add_finding(to, "package.no-layers", severity::error, "",
                    "The package has no numbered layer files (*_l0*.axmodel).",
                    "They are the model; the package is not downloaded to its end.",
                    "Download the package again.");
        return false;
    }
    for (const std::string& what : files.missing) {
        add_finding(to, "package.incomplete", severity::error, "", "Not found in the package: " + what + ".",
                    "There is no run script that says it either.",
                    "Download the package again with its run scripts, or fill the key in by hand.");
    }
    return bind(files.flags, words, true, from, to);
}

bool bind_script(const axera_script& script, const axera_build& build, const package_view& from,
                 std::vector<naming_hint>& hints, reading& to) {
    source_of_words words;
    words.where = script.file;
    words.subject = script.file + ":" + std::to_string(script.line);
    if (script.program.build != &build || !script.program.serves) {
        to.notes.push_back("there is no run script for this machine's server; the words are those of " +
                           script.file + ", with the program changed");
    }
    for (const auto& [name, value] : script.environment) {
        to.notes.push_back(script.file + " also sets " + shown(name, 60) + "=" + shown(value, 80) +
                           ", which is not taken over");
    }
    if (const auto* const layers = find_flag(script.flags, "--template_filename_axmodel")) {
        hints.push_back({std::string(folder_name(*layers)), "the folder of the layer files"});
    }
    hints.push_back({script.file.substr(0, script.file.size() - 3), "the run script's name"});
    return bind(script.flags, words, script.program.serves, from, to);
}

bool recognise(const package_view& from) {
    const auto files = top_files(from, "");
    const bool server = std::any_of(files.begin(), files.end(), [](const node* one) {
        const auto program = axera_program_of(one->path);
        return program && program->serves;
    });
    return !top_files(from, tokenizer_ending).empty() || (server && !all_files(from, ".axmodel").empty());
}

void read(const package_view& from, reading& to) {
    if (from.runtime == nullptr) {
        say_not_served(to);
        name_after(from, {}, to);
        return;
    }
    const axera_build* const build = build_for(from.here);
    if (build == nullptr) {
        add_finding(to, "package.no-server-program", severity::error, "",
                    "There is no server of this kind for this machine.",
                    "The vendor's programs are for aarch64 and x86-64.", "Use the package on such a machine.");
        return;
    }
    to.model = new_model(from);
    std::vector<naming_hint> hints;
    const axera_scripts scripts = find_axera_scripts(from);
    to.findings.insert(to.findings.end(), scripts.troubles.begin(), scripts.troubles.end());
    const axera_script* const script = nearest_script(scripts, *build, from);
    const bool sane = script != nullptr ? bind_script(*script, *build, from, hints, to)
                                        : bind_files(from, hints, to);
    set_tokenizer(from, hints, to);
    set_program(from, *build, to);
    set_surroundings(*build, to);
    set_devices(from, *build, script, to);
    if (!sane) {
        to.model.reset();
    }
    name_after(from, hints, to);
}

}  // namespace

package_kind axera_uid_kind() {
    return {"an Axera package for the polling server", "axera-poll", recognise, read};
}

}  // namespace corral::package

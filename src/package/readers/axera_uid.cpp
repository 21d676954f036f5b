// Axera packages of the polling generation: main_api_*, *_tokenizer_uid.py, run scripts
// (docs/facts/vendor_ax.md#command-line, #tokenizer-families, #package-layout).

#include "package/readers/reader.hpp"

#include <algorithm>

#include "corral/package/model_naming.hpp"
#include "corral/process/elf_file.hpp"
#include "package/readers/axera.hpp"

namespace corral::package {

namespace {

using catalog::severity;

constexpr std::string_view tokenizer_ending = "_tokenizer_uid.py";

// The board's memory is read from a file of its driver; a card's libraries are where no log-in shell is
// needed to find them (docs/facts/vendor_ax.md#command-line, #on-the-board).
void set_surroundings(const axera_build& build, reading& out) {
    auto& runtime = out.model->runtime;
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

// "; its main_api_axcl_aarch64 is for a card in an aarch64 machine": what it has instead.
std::string other_server(const package_view& view) {
    for (const node* file : top_files(view, "")) {
        const auto program = axera_program_of(file->path);
        if (program && program->serves && program->build != nullptr) {
            const std::string machine = process::machine_name(program->build->machine);
            return "; its " + shown(file->path, 60) +
                   (program->build->board ? " is for the AX650 board"
                                          : " is for a card in a machine of " + machine);
        }
    }
    return {};
}

void set_program(const package_view& view, const axera_build& build, reading& out) {
    const std::string variable = program_variable(view.runtime->services.back());
    if (variable.empty()) {
        return;
    }
    std::string name = "main_api_" + std::string(build.suffix);
    if (!has_file(view, name)) {
        const axera_build* other = nullptr;
        for (const node* file : top_files(view, "")) {
            const auto program = axera_program_of(file->path);
            const bool fits = program && program->serves && program->build != nullptr &&
                              program->build->board == build.board;
            other = fits && other == nullptr ? program->build : other;
        }
        if (other != nullptr && view.here.emulates(other->machine)) {
            name = "main_api_" + std::string(other->suffix);
            out.notes.push_back(name + " is for another machine; it runs here under emulation");
        } else {
            add_finding(out, severity::error,
                        core::say("package.no-server-program", name, other_server(view)), name, {},
                        core::say("package.no-server-program/copy", name,
                                  shell_word((view.tree.folder() / name).string())));
        }
    }
    out.model->variables[variable] = "./" + name;
    out.origins["variables." + variable] =
        view.here.is_board ? "the server for this board" : "the server for a card in this machine";
}

std::string tokenizer_name(const node& script) {
    return script.path.substr(0, script.path.size() - tokenizer_ending.size());
}

// Of several the one that is called like the model.
const node* fitting_tokenizer(const package_view& view, const std::vector<const node*>& scripts,
                              std::vector<naming_hint> hints) {
    hints.push_back({view.tree.folder().filename().string(), {}});
    const std::string family = name_model(hints).family;
    const auto fits = std::ranges::find_if(scripts, [&](const node* one) {
        return name_model({{tokenizer_name(*one), {}}}).family == family;
    });
    return fits == scripts.end() ? scripts.front() : *fits;
}

void set_tokenizer(const package_view& view, std::vector<naming_hint>& hints, reading& out) {
    const auto scripts = top_files(view, tokenizer_ending);
    const auto variable = std::ranges::find_if(view.runtime->variables, [](const auto& one) {
        return one.kind == catalog::variable_kind::python_script;
    });
    if (variable == view.runtime->variables.end()) {
        return;
    }
    if (scripts.empty()) {
        add_finding(out, severity::error, core::say("package.no-tokenizer", tokenizer_ending));
        out.origins["variables." + variable->name] = "no *" + std::string(tokenizer_ending) + " was found";
        return;
    }
    const node* const taken = fitting_tokenizer(view, scripts, hints);
    out.model->variables[variable->name] = taken->path;
    out.origins["variables." + variable->name] = "its name";
    hints.push_back({tokenizer_name(*taken), "the tokenizer script's name"});
    for (std::size_t i = 0; i < scripts.size() && i < 4; ++i) {
        if (scripts[i] != taken) {
            out.notes.push_back("there is also the tokenizer script " + shown(scripts[i]->path, 80));
        }
    }
}

// Another quantization of the model may lie in the same package.
void note_others(const axera_scripts& scripts, const axera_script& taken, reading& out) {
    const std::string flag = "--template_filename_axmodel";
    std::vector<std::string> noted;
    for (const axera_script& one : scripts.usable) {
        const std::string* const layers = find_flag(one.flags, flag);
        const std::string* const mine = find_flag(taken.flags, flag);
        if (layers != nullptr && mine != nullptr && *layers != *mine && noted.size() < 4 &&
            std::ranges::find(noted, *layers) == noted.end()) {
            noted.push_back(*layers);
            out.notes.push_back(one.file + " is for other layer files, " + shown(*layers, 80));
        }
    }
}

// The manifest's words from the files alone.
bool bind_files(const package_view& view, std::vector<naming_hint>& hints, reading& out) {
    const axera_files files = find_axera_files(view);
    source_of_words words;
    words.subject = "the package";
    words.origins = files.origins;
    out.notes.emplace_back(
        "no run script could be used: what follows is read from the names and sizes of the files");
    if (const auto* const layers = find_flag(files.flags, "--template_filename_axmodel")) {
        hints.push_back({std::string(folder_name(*layers)), "the folder of the layer files"});
    }
    if (find_flag(files.flags, "--template_filename_axmodel") == nullptr) {
        add_finding(out, severity::error, core::say("package.no-layers"));
        return false;
    }
    for (const std::string& what : files.missing) {
        add_finding(out, severity::error, core::say("package.incomplete", what));
    }
    return bind_words(files.flags, words, view, out);
}

bool bind_script(const axera_script& script, const axera_build& build, const package_view& view,
                 std::vector<naming_hint>& hints, reading& out) {
    source_of_words words;
    words.where = script.file;
    words.subject = shown(script.file, 80) + ":" + std::to_string(script.line);
    if (script.program.build != &build || !script.program.serves) {
        out.notes.push_back("there is no run script for this machine's server; the words are those of " +
                            script.file + ", with the program changed");
    }
    for (const auto& [name, value] : script.environment) {
        out.notes.push_back(script.file + " also sets " + shown(name, 60) + "=" + shown(value, 80) +
                            ", which is not taken over");
    }
    if (const auto* const layers = find_flag(script.flags, "--template_filename_axmodel")) {
        hints.push_back({std::string(folder_name(*layers)), "the folder of the layer files"});
    }
    hints.push_back({script.file.substr(0, script.file.size() - 3), "the run script's name"});
    words.from_server = script.program.serves;
    return bind_words(script.flags, words, view, out);
}

// Also what holds nothing but model files: then what is missing is reported. Folders of older tokenizers are
// another kind.
bool recognise(const package_view& view) {
    if (!top_files(view, tokenizer_ending).empty()) {
        return true;
    }
    const auto files = top_files(view, "");
    const bool server = std::ranges::any_of(files, [](const node* one) {
        const auto program = axera_program_of(one->path);
        return program && program->serves;
    });
    return (server || top_files(view, "_tokenizer.py").empty()) && !near_files(view, ".axmodel").empty();
}

void read(const package_view& view, reading& out) {
    if (view.runtime == nullptr) {
        say_not_served(out);
        name_after(view, {}, out);
        return;
    }
    const axera_build* const build = build_for(view.here);
    if (build == nullptr) {
        add_finding(out, severity::error, core::say("package.no-server-program/machine"), {},
                    core::say("package.no-server-program/programs"));
        return;
    }
    out.model = new_model(view);
    std::vector<naming_hint> hints;
    const axera_scripts scripts = find_axera_scripts(view);
    out.findings.insert(out.findings.end(), scripts.troubles.begin(), scripts.troubles.end());
    const axera_script* const script = nearest_script(scripts, *build, view);
    const bool sane =
        script != nullptr ? bind_script(*script, *build, view, hints, out) : bind_files(view, hints, out);
    if (script != nullptr) {
        note_others(scripts, *script, out);
    }
    set_tokenizer(view, hints, out);
    set_program(view, *build, out);
    set_surroundings(*build, out);
    set_devices(view, *build, script, out);
    if (!sane) {
        out.model.reset();
    }
    name_after(view, hints, out);
}

}  // namespace

package_kind axera_uid_kind() {
    return {"an Axera package for the polling server", "axera-poll", recognise, read};
}

}  // namespace corral::package

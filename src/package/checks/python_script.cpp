// A Python script that a variable names, by its text and by asking the Python that runs it.

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "corral/catalog/placeholders.hpp"
#include "corral/core/text.hpp"
#include "package/checks/examination.hpp"
#include "package/scripts/python_text.hpp"

namespace corral::package {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

constexpr std::size_t script_bytes = 1024U * 1024;

struct script {
    const catalog::variable_spec& is;
    std::string value;
    std::string text;
    std::vector<python_line> lines;
    const catalog::service_template* service = nullptr;

    [[nodiscard]] bool says(std::string_view word) const {
        return std::ranges::any_of(
            lines, [&](const python_line& line) { return line.whole.find(word) != std::string::npos; });
    }
};

// "{tokenizer_script}" in the command: what stands before it runs it, and what follows it must know.
std::ptrdiff_t place_in_command(const script& what) {
    if (what.service == nullptr) {
        return -1;
    }
    const auto& command = what.service->command;
    const auto found = std::ranges::find(command, "{" + what.is.name + "}");
    return found == command.end() ? -1 : found - command.begin();
}

void check_words(examination& subject, const script& what) {
    if (!what.is.holds_beside.empty() && !what.says(what.is.holds_beside)) {
        return;
    }
    std::vector<std::string> missing;
    std::copy_if(what.is.holds.begin(), what.is.holds.end(), std::back_inserter(missing),
                 [&](const std::string& word) { return !what.says(word); });
    if (!missing.empty()) {
        subject.add(severity::error,
                    core::say("script.wrong-generation", named(what.value), core::joined(missing, "', '")),
                    what.is.holds_why);
    }
}

// Options that the command gives and a script with a list of options does not have.
void check_options(examination& subject, const script& what) {
    const auto place = place_in_command(what);
    const bool lists_options = what.says("add_argument(");
    if (place < 0 || !lists_options) {
        return;  // whoever reads sys.argv itself, or nothing, can't be judged from here
    }
    std::vector<std::string> unknown;
    for (auto i = static_cast<std::size_t>(place) + 1; i < what.service->command.size(); ++i) {
        const auto& word = what.service->command[i];
        if (word.starts_with("--") && word.size() > 2 && !what.says(word.substr(0, word.find('=')))) {
            unknown.push_back(word);
        }
    }
    if (!unknown.empty()) {
        subject.add(severity::error,
                    core::say("script.option-unknown", named(what.value), core::joined(unknown, ", ")));
    }
}

// The program that runs the script, as the command has it; empty: not known, or part of the package.
std::string interpreter_of(const examination& subject, const script& what) {
    const auto place = place_in_command(what);
    const auto words = place > 0 ? catalog::expand_service(subject.model, *what.service,
                                                           catalog::stand_in_ports(subject.model.runtime, 1))
                                 : core::make_failure(core::errc::not_found, {});
    if (!words) {
        return {};
    }
    for (auto i = static_cast<std::size_t>(place); i > 0; --i) {
        const std::string& word = words->command[i - 1];
        if (!word.starts_with('-')) {
            const bool by_path = word.find('/') == std::string::npos;
            const fs::path inside = fs::path(word).lexically_normal().lexically_relative(
                subject.tree.folder().lexically_normal());
            const bool elsewhere = word.starts_with('/') && (inside.empty() || *inside.begin() == "..");
            return by_path || elsewhere ? word : std::string();
        }
    }
    return {};
}

// Lies beside the script, in the working directory or where PYTHONPATH says.
bool is_own_module(const examination& subject, const script& what, const std::string& name,
                   const std::vector<std::string>& python_path) {
    const fs::path beside = fs::path(what.value).parent_path();
    for (const fs::path& folder : {beside, fs::path()}) {
        if (subject.tree.look((folder / (name + ".py")).string()).kind == node_kind::file ||
            subject.tree.look((folder / name).string()).kind == node_kind::folder) {
            return true;
        }
    }
    return std::ranges::any_of(python_path, [&](const std::string& folder) {
        std::error_code failed;
        return fs::exists(fs::path(folder) / name, failed) ||
               fs::exists(fs::path(folder) / (name + ".py"), failed);
    });
}

std::vector<std::string> python_path_of(const examination& subject, const script& what) {
    const auto environment = environment_of(subject.model, *what.service);
    const auto path = environment.find("PYTHONPATH");
    if (path == environment.end() || path->second.empty()) {
        return {};
    }
    const auto folders = core::split(path->second, ':');
    return {folders.begin(), folders.end()};
}

// By the list beside the script, else by the package's own.
std::map<std::string, std::string> versions_for(const examination& subject, const script& what) {
    for (const fs::path& folder : {fs::path(what.value).parent_path(), fs::path()}) {
        const auto list = subject.tree.read((folder / "requirements.txt").string(), requirements_bytes + 1);
        if (list) {
            return required_versions(*list);
        }
    }
    return {};
}

// As pip takes them, "pillow==10.0"; the names of some packages differ from their modules'.
std::vector<std::string> install_names(const examination& subject, const script& what,
                                       const std::vector<std::string>& modules) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> differ = {{
        {"PIL", "pillow"},
        {"cv2", "opencv-python-headless"},
        {"google", "protobuf"},
        {"sklearn", "scikit-learn"},
        {"yaml", "pyyaml"},
        {"dotenv", "python-dotenv"},
    }};
    const auto versions = versions_for(subject, what);
    std::vector<std::string> out;
    for (const auto& name : modules) {
        const auto known = std::ranges::find_if(differ, [&](const auto& one) { return one.first == name; });
        out.push_back(known == differ.end() ? name : std::string(known->second));
        if (const auto version = versions.find(canonical_name(out.back())); version != versions.end()) {
            out.back() += version->second;
        }
    }
    return out;
}

// The system's own Python takes no packages but the system's, so it gets an environment beside it, which
// sees those, too.
constexpr const char* own_environment = "/opt/corral-python";

// Of an environment, which takes packages.
bool is_own(const std::string& python) {
    return python.find('/') != std::string::npos && !python.starts_with("/usr/bin/");
}

// `wanted`: as pip takes it. A shell would take "<5" for a redirection. Nothing: no command can be given.
std::optional<std::string> install_advice(const examination& subject, const std::string& python,
                                          const std::vector<std::string>& wanted) {
    constexpr std::size_t most = 800;  // no reader of findings cuts a command of this length
    std::string words;
    for (const std::string& one : wanted) {
        const auto word = core::word_to_paste(one);
        if (!word || words.size() + word->size() > most) {
            return std::nullopt;
        }
        words += " " + *word;
    }
    const auto program = core::word_to_paste(python);
    const auto folder = core::word_to_paste(subject.tree.folder().string());
    if (!program || !folder || program->size() + folder->size() + words.size() > most) {
        return std::nullopt;
    }
    if (is_own(python)) {
        return core::say("script.module-missing/install", *program, words).text();
    }
    return core::say("script.module-missing/make", *program, own_environment, own_environment, words, *folder)
        .text();
}

// What --fix may do: name the environment that the advice makes, where it is whole; else make one, or fill the one that
// the package has. Corral runs pip only where a person says --fix: it fetches programs from the network.
void offer_environment(examination& subject, const script& what, const std::string& python,
                       const std::vector<std::string>& modules, std::vector<std::string> wanted) {
    const std::string there = std::string(own_environment) + "/bin/python";
    const auto named_by =
        std::ranges::find(subject.model.runtime.variables, "python", &catalog::variable_spec::name);
    repair out{.finding = "script.module-missing",
               .file = {},
               .service = what.service->name,
               .name = {},
               .value = {}};
    if (is_own(python)) {
        out.install = std::move(wanted);
        out.python = python.starts_with('/') ? python : (subject.tree.folder() / python).string();
        return subject.repairs.push_back(std::move(out));
    }
    if (named_by == subject.model.runtime.variables.end()) {
        return;
    }
    out.variable = named_by->name;
    std::error_code failed;
    const auto lacks =
        fs::exists(there, failed) ? subject.here.missing_modules(there, modules) : std::nullopt;
    if (lacks && lacks->empty()) {
        out.value = there;
    } else {
        out.install = std::move(wanted);
        out.python = python;
    }
    subject.repairs.push_back(std::move(out));
}

void check_modules(examination& subject, const script& what) {
    const std::string python = subject.here.missing_modules ? interpreter_of(subject, what) : std::string();
    if (python.empty()) {
        return;
    }
    const auto own_path = python_path_of(subject, what);
    auto wanted = imported_modules(what.lines);
    for (const auto& [word, name] : what.is.modules) {
        if (what.says(word) && std::ranges::find(wanted, name) == wanted.end()) {
            wanted.push_back(name);
        }
    }
    std::erase_if(wanted,
                  [&](const std::string& name) { return is_own_module(subject, what, name, own_path); });
    const auto missing = wanted.empty() ? std::nullopt : subject.here.missing_modules(python, wanted);
    if (!missing || missing->empty()) {
        return;
    }
    const std::vector<std::string> install = install_names(subject, what, *missing);
    const std::string modules = core::joined(*missing, ", ");
    subject.add(severity::error,
                missing->size() == 1
                    ? core::say("script.module-missing", named(what.value), modules, named(python))
                    : core::say("script.module-missing/more", named(what.value), modules, named(python)),
                {}, install_advice(subject, python, install));
    offer_environment(subject, what, python, wanted, install);
}

// What libraries of tokenizers load a vocabulary from, whatever its name; the settings beside it are none.
bool holds_vocabulary(const examination& subject, const std::string& folder) {
    constexpr std::array<std::string_view, 6> settings = {
        "config.json",       "tokenizer_config.json",   "generation_config.json",
        "added_tokens.json", "special_tokens_map.json", "preprocessor_config.json"};
    constexpr std::array<std::string_view, 5> endings = {".json", ".model", ".txt", ".tiktoken", ".bin"};
    return std::ranges::any_of(subject.tree.entries(), [&](const node& one) {
        if (!one.path.starts_with(folder + "/") || one.kind == node_kind::folder) {
            return false;
        }
        const std::string_view name = std::string_view(one.path).substr(one.path.rfind('/') + 1);
        const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
        return std::ranges::find(settings, name) == settings.end() && std::ranges::any_of(endings, ends);
    });
}

void check_named_folder(examination& subject, const script& what, const std::string& name,
                        const node& about) {
    if (about.kind == node_kind::folder) {
        check_tokenizer_folder(subject, about.path, true);
        if (!holds_vocabulary(subject, about.path)) {
            subject.add(severity::error, core::say("script.folder-empty", named(what.value), named(name)), {},
                        fetch_advice(subject, {name}, false));
        }
        return;
    }
    if (about.kind != node_kind::missing) {
        return;
    }
    const bool repository = name.find('/') != std::string::npos;
    subject.add(repository ? severity::warning : severity::error,
                core::say("script.folder-missing", named(what.value), named(name)),
                repository ? std::optional(core::say("script.folder-missing/hub").text()) : std::nullopt,
                fetch_advice(subject, {name}, false));
}

void check_folders(examination& subject, const script& what) {
    constexpr std::array<const char*, 3> marks = {"/tokenizer.json", "/tokenizer_config.json", "/vocab.json"};
    std::vector<std::string> named;
    for (const auto& name : pretrained_names(what.lines)) {
        if (const auto tidy = tidy_name(name)) {
            named.push_back(*tidy);
            check_named_folder(subject, what, name, subject.tree.look(*tidy));
        }
    }
    // Names can be made at run time: folders that look like one may be needed.
    for (const auto& one : subject.tree.entries()) {
        const bool other = one.kind == node_kind::folder && one.path.front() != '.' &&
                           std::ranges::find(named, one.path) == named.end();
        const auto has = [&](const char* mark) {
            return subject.tree.look(one.path + mark).kind == node_kind::file;
        };
        if (other && std::ranges::any_of(marks, has)) {
            check_tokenizer_folder(subject, one.path, false);
        }
    }
}

}  // namespace

void check_python_script(examination& subject, const catalog::variable_spec& is, const std::string& value) {
    const named_file file = locate(subject, value);
    if (!expect_file(subject, file, value)) {
        return;
    }
    const auto kind = kind_of(subject, file, value);
    if (!kind || is_failed_download(subject, file, value, *kind)) {
        return;
    }
    const auto text = file.tree.read(file.path, script_bytes);
    if (!text || *kind == file_kind::elf || *kind == file_kind::archive ||
        text->find('\0') != std::string::npos) {
        subject.add(severity::error, core::say("script.not-text", named(value)), "",
                    fetch_advice(subject, {value}, false));
        return;
    }
    script what{is, value, *text, python_lines(*text), user_of(subject.model, is.name)};
    check_words(subject, what);
    if (what.service != nullptr) {
        check_options(subject, what);
        check_modules(subject, what);
    }
    check_folders(subject, what);
}

}  // namespace corral::package

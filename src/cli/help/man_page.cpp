#include "cli/help/man_page.hpp"

#include <array>
#include <cctype>
#include <string_view>

#include <CLI/CLI.hpp>

#include "corral/version.hpp"

namespace corral::cli {

namespace {

struct entry {
    std::string_view term;
    std::string_view text;
};

constexpr std::string_view description =
    "Corral starts the manufacturer's own LLM runtime of an edge NPU, keeps it alive, hides its quirks, and "
    "offers it as a dependable Ollama server. 'corral serve' is the server; the other commands ask it over "
    "its "
    "admin socket, or work on its files.";

constexpr std::array<entry, 7> files{{
    {"/etc/corral/corral.toml", "The configuration of the service, where there is one."},
    {"/etc/corral/models.d/*.toml",
     "Manifests, one for each model; 'models_directory' of the configuration names another folder."},
    {"~/.config/corral/corral.toml, ~/.config/corral/models.d",
     "The same for one user, where /etc/corral/corral.toml is not there."},
    {"/var/lib/corral", "State of the service: variants of models, crashes/ with bundles of crashes."},
    {"~/.local/state/corral", "State of a server that a user runs."},
    {"/run/corral/corral.sock", "Admin socket of the service; of others it is in their state."},
    {"/usr/share/corral/vendor", "Profiles of runtimes."},
}};

constexpr std::array<entry, 7> environment{{
    {"CORRAL_CONFIG", "The configuration file, where --config does not say it."},
    {"OLLAMA_HOST", "Address and port to listen on, below the configuration."},
    {"OLLAMA_KEEP_ALIVE, OLLAMA_MAX_QUEUE, OLLAMA_DEBUG, OLLAMA_ORIGINS",
     "As in Ollama, below the configuration."},
    {"XDG_CONFIG_HOME, XDG_STATE_HOME", "Where a user's configuration and state are."},
    {"STATE_DIRECTORY, RUNTIME_DIRECTORY", "Set by systemd: where state and admin socket are."},
    {"NO_COLOR", "Set to anything: no colours. Into files and pipes there are none anyway."},
    {"TERM", "'dumb': nothing is redrawn."},
}};

constexpr std::array<entry, 4> statuses{{
    {"0", "It is done."},
    {"1", "It could not be done; the reason is on standard error."},
    {"2", "The configuration, or a manifest, has mistakes; or the words of the command are not understood."},
    {"0, 1, 2, 3 of doctor", "Nothing above a note; warnings; errors; it could not be examined."},
}};

constexpr std::array<entry, 7> examples{{
    {"corral serve", "Serve what the configuration and the manifests say."},
    {"corral doctor", "Say what is wrong with this box and its models, and what to do."},
    {"corral status --watch", "See a model load."},
    {"corral logs -f qwen3:4b/runtime", "Follow what one service prints."},
    {"corral restart qwen3:4b --wait", "Restart all services of a model, and return when it answers."},
    {"corral check && corral reload", "Read the configuration again after a change."},
    {"corral completion bash > /etc/bash_completion.d/corral", "Complete words in bash."},
}};

void add_entries(std::string& out, const char* title, const entry* begin, const entry* end) {
    out += std::string(".SH ") + title + "\n";
    for (const entry* one = begin; one != end; ++one) {
        out +=
            ".TP\n.B " + roff_text(std::string(one->term)) + "\n" + roff_text(std::string(one->text)) + "\n";
    }
}

std::string positional_name(const CLI::Option& one) {
    const std::string kind = one.get_type_name();
    std::string name = kind.empty() || kind == "TEXT" ? one.get_name(true) : kind;
    for (char& c : name) {
        c = kind == "TEXT" ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    }
    return one.get_required() ? name : "[" + name + "]";
}

void add_option(std::string& out, const CLI::Option& one) {
    std::string names;
    for (const std::string& name : one.get_snames()) {
        names += (names.empty() ? "-" : ", -") + name;
    }
    for (const std::string& name : one.get_lnames()) {
        names += (names.empty() ? "--" : ", --") + name;
    }
    std::string term = "\\fB" + roff_text(names) + "\\fR";
    if (one.get_items_expected_max() > 0) {
        const std::string value = "\\fI" + roff_text(one.get_type_name()) + "\\fR";
        term += one.get_items_expected_min() == 0 ? " [" + value + "]" : " " + value;
    }
    std::string about = one.get_description();
    if (!one.get_default_str().empty()) {
        about += " (default: " + one.get_default_str() + ")";
    }
    out += ".TP\n" + term + "\n" + roff_text(about) + "\n";
}

// `before`: the words that lead to it.
void add_command(std::string& out, const CLI::App& app, const std::string& before) {
    const std::string words = before + " " + app.get_name();
    const auto commands =
        app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
    if (!commands.empty()) {
        for (const CLI::App* one : commands) {
            add_command(out, *one, words);
        }
        return;
    }
    const auto options = app.get_options(
        [](const CLI::Option* one) { return !one->get_positional() && !one->get_group().empty(); });
    const auto positional = app.get_options([](const CLI::Option* one) { return one->get_positional(); });
    std::string line = "\\fB" + roff_text(words) + "\\fR";
    for (const CLI::Option* one : positional) {
        line += " \\fI" + roff_text(positional_name(*one)) + "\\fR";
    }
    out += ".SS " + line + (options.empty() ? "" : " [options]") + "\n";
    out += roff_text(app.get_description()) + ".\n";
    for (const CLI::Option* one : positional) {
        out += ".TP\n\\fI" + roff_text(positional_name(*one)) + "\\fR\n" + roff_text(one->get_description()) +
               "\n";
    }
    for (const CLI::Option* one : options) {
        if (!one->check_name("--help")) {
            add_option(out, *one);
        }
    }
    if (const std::string more = app.get_footer(); !more.empty()) {
        out += ".PP\n" + roff_text(more) + "\n";
    }
}

}  // namespace

std::string roff_text(const std::string& text) {
    std::string out;
    bool begins = true;
    for (const char c : text) {
        if (begins && (c == '.' || c == '\'')) {
            out += "\\&";
        }
        begins = c == '\n';
        switch (c) {
            case '\\':
                out += "\\e";
                break;
            case '-':
                out += "\\-";
                break;
            case '~':
                out += "\\(ti";
                break;
            case '\'':
                out += "\\(aq";
                break;
            case '"':
                out += "\\(dq";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string man_page(const CLI::App& root) {
    std::string out = ".\\\" Made by 'corral man' from the program itself.\n";
    out += ".TH CORRAL 1 \"\" \"corral " + std::string(version) + "\" \"Corral\"\n";
    out += ".SH NAME\ncorral \\- dependable Ollama server on an edge NPU\n";
    out += ".SH SYNOPSIS\n.B corral\n.I COMMAND\n[options]\n";
    out += ".SH DESCRIPTION\n" + roff_text(std::string(description)) + "\n";
    out += ".PP\nEvery command explains itself with\n.BR \\-\\-help .\n";
    out += ".SH COMMANDS\n";
    for (const CLI::App* one :
         root.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
        add_command(out, *one, "corral");
    }
    add_entries(out, "FILES", files.data(), files.data() + files.size());
    add_entries(out, "ENVIRONMENT", environment.data(), environment.data() + environment.size());
    add_entries(out, "EXIT STATUS", statuses.data(), statuses.data() + statuses.size());
    add_entries(out, "EXAMPLES", examples.data(), examples.data() + examples.size());
    out += ".SH SEE ALSO\n.BR corral.toml (5),\n.BR systemctl (1),\n.BR journalctl (1)\n";
    return out;
}

}  // namespace corral::cli

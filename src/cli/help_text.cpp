#include "cli/help_text.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <CLI/CLI.hpp>

namespace corral::cli {

namespace {

constexpr unsigned text_column = 26;
constexpr unsigned least_room = 20;  // for words beside the first column

struct command_help {
    const char* name;
    const char* group;
    const char* example;
};

// In the order of the help. A command without a line here is not for people.
constexpr auto shown = std::to_array<command_help>({
    {"serve", "Serve", "corral serve --config corral.toml"},
    {"reload", "Serve", "corral check && corral reload"},
    {"upgrade", "Serve", "corral upgrade /usr/local/bin/corral"},
    {"unit", "Serve", "corral unit --write"},
    {"key", "Serve", "corral key new anna"},
    {"run", "Models", "corral run qwen3:4b \"Why is the sky blue?\""},
    {"import", "Models", "corral import /srv/models/Qwen3-4B"},
    {"pull", "Models", "corral pull qwen3:4b"},
    {"search", "Models", "corral search qwen3"},
    {"list", "Models", "corral list"},
    {"show", "Models", "corral show qwen3:4b"},
    {"rm", "Models", "corral rm qwen3:4b"},
    {"prune", "Models", "corral prune"},
    {"check", "Models", "corral check /etc/corral/corral.toml"},
    {"status", "Look", "corral status --watch"},
    {"ps", "Look", "corral ps"},
    {"logs", "Look", "corral logs -f qwen3:4b/runtime"},
    {"doctor", "Look", "corral doctor"},
    {"explain", "Look", "corral explain request.queue-full"},
    {"support", "Look", "corral support"},
    {"bench", "Look", "corral bench qwen3:4b"},
    {"start", "Operate", "corral start qwen3:4b --wait"},
    {"stop", "Operate", "corral stop qwen3:4b"},
    {"restart", "Operate", "corral restart qwen3:4b --wait"},
    {"pin", "Operate", "corral pin qwen3:4b"},
    {"unpin", "Operate", "corral unpin qwen3:4b"},
    {"drain", "Operate", "corral drain --wait"},
    {"undrain", "Operate", "corral undrain"},
    {"fleet", "Operate", "corral fleet status boxes.toml"},
    {"help", "The program itself", "corral help import"},
    {"version", "The program itself", "corral version --json"},
    {"completion", "The program itself", "corral completion bash > /etc/bash_completion.d/corral"},
});

std::string wrapped_line(std::string_view line, unsigned columns) {
    if (line.size() <= columns) {
        return std::string(line);
    }
    const std::size_t indent =
        line.starts_with("  ") && columns >= text_column + least_room ? text_column : 0;
    std::string out;
    std::string_view rest = line;
    std::size_t room = columns;
    while (rest.size() > room) {
        std::size_t end = rest.rfind(' ', room);
        if (end == std::string_view::npos || end <= (out.empty() ? indent : 0)) {
            end = rest.find(' ', room);  // a word that is longer than a line stays whole
        }
        if (end == std::string_view::npos) {
            break;
        }
        out += std::string(rest.substr(0, end)) + "\n" + std::string(indent, ' ');
        rest.remove_prefix(std::min(rest.find_first_not_of(' ', end), rest.size()));
        room = columns - indent;
    }
    return out + std::string(rest);
}

class fitting : public CLI::Formatter {
public:
    explicit fitting(unsigned columns) : columns_(columns) { column_width(text_column); }
    std::string make_help(const CLI::App* of, std::string name, CLI::AppFormatMode mode) const override {
        return wrapped_help(Formatter::make_help(of, std::move(name), mode), columns_);
    }

private:
    unsigned columns_;
};

}  // namespace

std::string wrapped_help(std::string_view text, unsigned columns) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += wrapped_line(text.substr(0, end), columns) + "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

void shape_help(CLI::App& program, unsigned columns) {
    program.formatter(std::make_shared<fitting>(columns));
    for (const command_help& one : shown) {
        CLI::App* const command = program.get_subcommand(one.name);
        command->group(one.group);
        command->formatter(program.get_formatter());
        for (CLI::App* const inner : command->get_subcommands({})) {
            inner->formatter(program.get_formatter());
        }
        const std::string more = command->get_footer();
        command->footer("Example: " + std::string(one.example) + (more.empty() ? "" : "\n" + more));
    }
}

}  // namespace corral::cli

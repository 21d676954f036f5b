#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/terminal.hpp"
#include "cli/trouble/doctor_examination.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/say.hpp"

namespace corral::cli {

namespace {

// Beside those of doctor_status().
constexpr int could_not_examine = 3;

struct doctor_options {
    std::optional<std::string> model;
    std::optional<std::string> config;
    std::optional<std::string> socket;
    bool json = false;
    remote_box elsewhere;
};

void print(const std::vector<catalog::finding>& found, const doctor_options& asked,
           const command_context& context) {
    if (asked.json) {
        std::cout << doctor_json(found).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    } else {
        const text_style style = style_of(STDOUT_FILENO, context.environment);
        std::cout << wrapped(doctor_page(found, style), style);
    }
}

int examine_elsewhere(const doctor_options& asked, const command_context& context) {
    const auto answer = ask_remote(asked.elsewhere, "doctor", {}, context.environment);
    if (!answer) {
        return fail(answer.error().message, could_not_examine);
    }
    const std::vector<catalog::finding> found = findings_of(core::list_at(*answer, "findings"));
    print(found, asked, context);
    return doctor_status(found);
}

int examine(const doctor_options& asked, const command_context& context) {
    if (!asked.elsewhere.url.empty()) {
        return examine_elsewhere(asked, context);
    }
    const config::configuration_source source = source_of(asked.config, context.environment);
    // With a socket it is known which server is meant, and the file is one of its troubles.
    std::error_code unreadable;  // then the doctor says so
    if (!asked.socket && !source.file_may_be_missing && !std::filesystem::exists(source.file, unreadable) &&
        !unreadable) {
        const core::reason why =
            core::say("configuration.no-file/name",
                      std::make_error_code(std::errc::no_such_file_or_directory).message());
        return fail(catalog::to_text({source.file.string(), 0, 0, why}), could_not_examine);
    }
    const auto gathered = gather_examination({asked.model, source, asked.socket});
    if (!gathered) {
        return fail(gathered.error().message, could_not_examine);
    }
    const auto found = doctor::examine(*gathered);
    print(found, asked, context);
    return doctor_status(found);
}

}  // namespace

void add_doctor_command(CLI::App& program, command_context& context) {
    auto asked = std::make_shared<doctor_options>();
    CLI::App* one = program.add_subcommand(
        "doctor", "Check this box and its models, and report problems and how to fix them");
    one->add_option("model", asked->model, "Check the box and only this model")->type_name("MODEL");
    one->add_option("--config", asked->config, "Configuration file; default: the standard locations")
        ->type_name("FILE");
    one->add_option("--socket", asked->socket, "Admin socket of the running Corral")->type_name("FILE");
    one->add_flag("--json", asked->json, "Print the findings as a JSON array");
    add_remote_options(*one, asked->elsewhere);
    one->footer(
        "Read-only; also works when Corral is not running. Exit status: 0 no findings above a note, 1 "
        "warnings, 2 errors, 3 the check could not run.");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return examine(*asked, context); }; });
}

}  // namespace corral::cli

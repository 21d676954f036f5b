#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/packages/model_manifest.hpp"
#include "cli/status/admin_command.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/catalog/toml_section.hpp"
#include "corral/config/manifest_file.hpp"

namespace corral::cli {

namespace {

struct pin_options {
    daemon_place place;
    remote_box elsewhere;
    std::string model;
    bool pinned = true;
    bool json = false;
};

void tell(const pin_options& asked, const model_manifest& model, bool changed,
          const std::optional<control::admin_json>& reloaded) {
    control::admin_json report = {{"ok", true},
                                  {"model", model.name},
                                  {"pinned", asked.pinned},
                                  {"changed", changed},
                                  {"file", model.file.string()}};
    report["reload"] = reloaded ? *reloaded : control::admin_json(nullptr);
    std::cout << report.dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
}

int pin_elsewhere(const pin_options& asked, const command_context& context) {
    const auto answer =
        ask_remote(asked.elsewhere, asked.pinned ? "pin" : "unpin", asked.model, context.environment);
    if (!answer) {
        return fail(answer.error().message);
    }
    if (asked.json) {
        std::cout << answer->dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
    } else {
        std::cout << (asked.pinned ? "pinned " : "unpinned ") << reported_text(*answer, "model") << '\n';
    }
    return succeeded;
}

int pin(const pin_options& asked, const command_context& context) {
    if (!asked.elsewhere.url.empty()) {
        return pin_elsewhere(asked, context);
    }
    const known_models known = look_for_models(asked.place, context.environment);
    if (!known.readable) {
        return fail_to_read(known);
    }
    const manifest_use use = asked.pinned
                                 ? manifest_use{"pin", "write pinned = true into its [[models]] table"}
                                 : manifest_use{"unpin", "take pinned out of its [[models]] table"};
    const model_manifest which = find_manifest(known, asked.model, use);
    if (!which.problem.empty()) {
        return fail(which.problem);
    }
    catalog::issue_list issues(which.file.string());
    const auto before = catalog::read_toml_text(which.file, issues);
    if (!before) {
        return fail(catalog::to_text(issues.take().front()));
    }
    const auto after = config::with_pin(*before, which.name, asked.pinned);
    if (!after) {
        return fail(after.error().message);
    }
    const bool changed = *after != *before;
    if (changed) {
        if (const auto written = config::write_manifest(which.file, *after, true); !written) {
            return fail(written.error().message);
        }
    }
    // Also where nothing was changed: an earlier reload may have failed.
    const auto reloaded = reload_after_edit(known, asked.place, context.environment);
    const bool taken = !reloaded || reloaded->value("ok", false);
    if (asked.json) {
        tell(asked, which, changed, reloaded);
        return taken ? succeeded : failed;
    }
    const char* const done = asked.pinned ? "pinned " : "unpinned ";
    const char* const before_that = asked.pinned ? " was pinned already in " : " was not pinned in ";
    std::cout << (changed ? done : "") << which.name << (changed ? " in " : before_that)
              << which.file.string() << '\n';
    if (!reloaded) {
        std::cout << "no daemon was notified (" << known.silent << ")\n";
        return succeeded;
    }
    return tell_reload(*reloaded) ? succeeded : failed;
}

void add(CLI::App& program, command_context& context, const char* name, const char* purpose, bool pinned) {
    const auto asked = std::make_shared<pin_options>();
    asked->pinned = pinned;
    CLI::App* one = program.add_subcommand(name, purpose);
    one->add_option("model", asked->model, "The model")->type_name("MODEL")->required();
    one->add_flag("--json", asked->json, "Print JSON");
    add_daemon_options(*one, asked->place);
    add_remote_options(*one, asked->elsewhere);
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return pin(*asked, context); }; });
}

}  // namespace

void add_pin_command(CLI::App& program, command_context& context) {
    add(program, context, "pin", "Keep a model loaded: it is never evicted, and its keep-alive never expires",
        true);
}

void add_unpin_command(CLI::App& program, command_context& context) {
    add(program, context, "unpin", "Allow a pinned model to be unloaded again", false);
}

}  // namespace corral::cli

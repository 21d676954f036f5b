#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/base/terminal.hpp"
#include "cli/packages/model_manifest.hpp"
#include "cli/status/admin_command.hpp"
#include "cli/status/model_listing.hpp"
#include "corral/config/manifest_file.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/package/package_seal.hpp"
#include "corral/pull/pulled_packages.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr core::seconds unload_limit{60};

struct rm_options {
    daemon_place place;
    std::string model;
    bool files = false;  // of the package too
    bool yes = false;
    bool json = false;
};

bool agreed(const model_manifest& model, const std::optional<pulled_files>& files) {
    std::cerr << "This removes model " << model.name << ": its manifest " << model.file.string()
              << (files ? " and its package " + files->path().string() + ", " + size_text(files->bytes) + "."
                        : std::string(". Its package stays."))
              << '\n';
    return is_agreed("Remove it?");
}

// The report of --json.
void tell(const model_manifest& model, const std::optional<control::admin_json>& reloaded,
          const control::admin_json& files) {
    control::admin_json report = {{"ok", true}, {"model", model.name}, {"removed", model.file.string()}};
    report["reload"] = reloaded ? *reloaded : control::admin_json(nullptr);
    if (!files.is_null()) {
        report["files"] = files;
    }
    std::cout << report.dump(2, ' ', false, control::admin_json::error_handler_t::replace) << '\n';
}

int remove_manifest(const known_models& known, const rm_options& asked, const model_manifest& model,
                    const command_context& context) {
    if (const auto removed = config::remove_manifest(model.file); !removed) {
        return fail(removed.error().message);
    }
    std::error_code error;
    // There mostly is none; a left-over says nothing without its manifest.
    fs::remove(package::seal_of(model.file), error);
    const auto reloaded = reload_after_edit(known, asked.place, context.environment);
    if (asked.json) {
        tell(model, reloaded, nullptr);
        return succeeded;
    }
    std::cout << "removed " << model.file.string() << '\n';
    if (!reloaded) {
        std::cout << "no daemon was notified (" << known.silent << ")\n";
        return succeeded;
    }
    return tell_reload(*reloaded) ? succeeded : failed;
}

// The model is unloaded and gone from the daemon before the first file goes; where it does not go, nothing does.
int remove_with_files(const known_models& known, const rm_options& asked, const model_manifest& model,
                      const pulled_files& files, const command_context& context) {
    const bool daemon = !known.status.is_null();
    const auto ask = [&](const char* verb, core::seconds wait) {
        control::admin_question question = question_of(verb, model.name);
        question.body["wait_seconds"] = wait.count();
        const auto answer = control::ask_daemon(sockets_of(asked.place, context.environment), question,
                                                unload_limit + core::seconds{10});
        return answer ? *answer : control::admin_refusal(answer.error().message);
    };
    auto held = pull::package_lock::take(files.directory, files.folder);
    if (!held) {
        return fail(core::say("remove.nothing", held.error()));
    }
    const bool served = daemon && is_served(known.status, model.name);
    if (served) {
        const control::admin_json stopped = ask("stop", unload_limit);
        if (!stopped.value("ok", false)) {
            static_cast<void>(ask("start", core::seconds{0}));
            return fail(core::say("remove.nothing",
                                  stopped.value("error", std::string("the model was not unloaded"))));
        }
    }
    const fs::path aside = model.file.string() + ".removed";  // no manifest any more
    std::error_code error;
    fs::rename(model.file, aside, error);
    if (error) {
        return fail("can't remove " + model.file.string() + ": " + error.message());
    }
    const auto reloaded = reload_after_edit(known, asked.place, context.environment);
    if (reloaded && !reloaded->value("ok", false)) {
        fs::rename(aside, model.file, error);
        if (served) {
            static_cast<void>(ask("start", core::seconds{0}));
        }
        return fail(
            core::say("remove.nothing", reloaded->value("error", std::string("the daemon did not reload"))));
    }
    fs::remove(aside, error);
    fs::remove(package::seal_of(model.file), error);
    const auto gone = pull::remove_pulled(*held);
    if (!gone) {
        return fail(core::say("remove.files-stay/model", gone.error()));
    }
    if (asked.json) {
        tell(model, reloaded,
             {{"folder", files.path().string()}, {"bytes", gone->bytes}, {"kept", gone->kept}});
        return succeeded;
    }
    std::cout << "removed " << model.file.string() << " and " << files.path().string() << ": "
              << size_text(gone->bytes) << '\n';
    if (!gone->kept.empty()) {
        std::cout << "kept, because they are not from a pull: " << core::joined(gone->kept) << '\n';
    }
    return succeeded;
}

int remove(const rm_options& asked, const command_context& context) {
    const known_models known = look_for_models(asked.place, context.environment);
    if (!known.readable) {
        return fail_to_read(known);
    }
    const model_manifest which = find_manifest(known, asked.model, {"rm", "take its [[models]] table out"});
    if (!which.problem.empty()) {
        return fail(which.problem);
    }
    std::optional<pulled_files> files;
    if (asked.files) {
        auto found = find_pulled_files(known, which.name);
        if (!found) {
            return fail(found.error().message);
        }
        files = *std::move(found);
    }
    if (!asked.yes && ::isatty(STDIN_FILENO) != 1) {
        return fail(core::say("command.not-yes", which.file));
    }
    if (!asked.yes && !agreed(which, files)) {
        return fail(core::say("command.remove/nothing-removed"));
    }
    return files ? remove_with_files(known, asked, which, *files, context)
                 : remove_manifest(known, asked, which, context);
}

}  // namespace

void add_rm_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<rm_options>();
    CLI::App* one =
        program.add_subcommand("rm", "Remove a model's manifest; --files removes its package too");
    one->add_option("model", asked->model, "The model")->type_name("MODEL")->required();
    one->add_flag("--files", asked->files, "Also delete the package's files, if they were pulled");
    one->add_flag("-y,--yes", asked->yes, "Don't ask for confirmation");
    one->add_flag("--json", asked->json, "Print JSON");
    add_daemon_options(*one, asked->place);
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return remove(*asked, context); }; });
}

}  // namespace corral::cli

#include "corral/fleet/reload.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "corral/config/configuration_manifests.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/service_notify.hpp"

namespace corral::fleet {

namespace {

// A file on a disk that sleeps, or thousands of manifests; beyond it the disk does not answer.
constexpr core::seconds longest_read{60};

spdlog::level::level_enum as_spdlog(telemetry::log_level level) {
    switch (level) {
        case telemetry::log_level::debug:
            return spdlog::level::debug;
        case telemetry::log_level::warn:
            return spdlog::level::warn;
        case telemetry::log_level::error:
            return spdlog::level::err;
        case telemetry::log_level::info:
            break;
    }
    return spdlog::level::info;
}

config::configuration_result read_guarded(const config::configuration_source& source) {
    try {
        return config::load_configuration(source);
    } catch (const std::exception& error) {
        config::configuration_result out;
        out.errors.push_back(
            {source.file.string(), 0, 0, core::say("configuration.unreadable/exception", error.what())});
        return out;
    }
}

std::string listed(const std::vector<std::string>& names) {
    return names.empty() ? "none" : core::joined(names);
}

// Tells systemd of a reload, whichever way it ends.
class reload_notice {
public:
    explicit reload_notice(const bool& stopping) : stopping_(stopping) { telemetry::notify_reloading(); }
    reload_notice(const reload_notice&) = delete;
    reload_notice& operator=(const reload_notice&) = delete;
    ~reload_notice() {
        if (!stopping_) {
            telemetry::notify_ready();
        }
    }

private:
    const bool& stopping_;
};

void log_report(const reload_report& report) {
    for (const std::string& text : report.warnings) {
        telemetry::warn(core::say("configuration.warned/reload", telemetry::printable(text, 500)));
    }
    for (const std::string& text : report.left_out) {
        telemetry::error(core::say("model.left-out/reload", telemetry::printable(text, 500)));
    }
    for (const std::string& text : report.errors) {
        telemetry::error(core::say("configuration.not-reloaded/reload", telemetry::printable(text, 500)));
    }
    if (!report.applied) {
        telemetry::error(core::say("configuration.not-reloaded/nothing"));
        return;
    }
    const reload_plan& plan = report.plan;
    telemetry::log().info(
        "the configuration was reloaded: models added: {}; removed: {}; changed: {}; unchanged: {} "
        "event=configuration.reloaded",
        listed(plan.added), listed(plan.removed), listed(plan.changed), plan.unchanged.size());
}

// But for those that the reader of the file gave already, behind their place.
void add_warnings(reload_report& report, const std::vector<core::reason>& texts) {
    for (const core::reason& text : texts) {
        const bool reported =
            std::ranges::any_of(report.warnings, [&](const auto& known) { return known.ends_with(text); });
        if (!reported) {
            report.warnings.push_back(text);
        }
    }
}

// What was served of a manifest that has a mistake now goes on as it was: `kept`.
std::vector<std::string> lines_of_left_out(const config::configuration& wanted,
                                           const std::vector<std::string>& kept) {
    std::vector<std::string> out;
    for (const config::left_out_manifest& one : wanted.left_out) {
        for (std::string& line : config::left_out_lines(one)) {
            out.push_back(std::move(line));
        }
    }
    for (const std::string& name : kept) {
        out.push_back("model " + name + " stays as it was before");
    }
    return out;
}

bool same_files(const config::configuration& a, const config::configuration& b) {
    const auto tls = [](const config::configuration& of) {
        return of.tls ? std::pair(of.tls->certificate, of.tls->key)
                      : std::pair<std::filesystem::path, std::filesystem::path>();
    };
    return a.keys_file == b.keys_file && tls(a) == tls(b);
}

}  // namespace

generation::generation_options generation_options_of(const config::configuration& settings) {
    generation::generation_options out;
    out.request_deadline = settings.request_deadline;
    out.log_content = settings.log_content;
    return out;
}

reloader::reloader(core::executor on, reloadable parts, config::configuration_source source)
    : parts_(std::move(parts)), source_(std::move(source)), over_(on) {}

core::awaitable<reload_report> reloader::reload(bool allow_empty) {
    while (busy_) {
        const core::deadline never;
        const core::wake_reason why = co_await over_.wait(never);
        if (why == core::wake_reason::cancelled) {
            reload_report none;
            none.errors.emplace_back("the server is shutting down");
            co_return none;
        }
    }
    busy_ = true;
    reload_report report;
    std::string thrown;
    try {
        report = co_await reload_now(allow_empty);
    } catch (const std::exception& error) {
        thrown = error.what();
    }
    if (!thrown.empty()) {
        report.errors.push_back("an exception: " + thrown);
    }
    busy_ = false;
    over_.ring();
    log_report(report);
    co_return report;
}

core::awaitable<reload_report> reloader::reload_now(bool allow_empty) {
    const reload_notice notice(closed_);
    reload_report report;
    telemetry::log().info("the configuration is read again: {}", source_.file.string());
    // Files that are waited for anyway are no reason to refuse all else.
    config::configuration_source from = source_;
    from.waits_for_credentials = !(*parts_.credentials)->awaited().empty();
    std::function<config::configuration_result()> work = [from] { return read_guarded(from); };
    const core::deadline until = core::deadline::after(longest_read, core::steady_clock_source().now());
    auto reading = disk_.run("configuration", std::move(work), until);
    core::result<config::configuration_result> done = co_await std::move(reading);
    if (!done) {
        report.errors.push_back("the configuration could not be read: " + done.error().message);
        co_return report;
    }
    config::configuration_result read = std::move(*done);
    for (const catalog::diagnostic& what : read.warnings) {
        report.warnings.push_back(catalog::to_text(what));
    }
    for (const catalog::diagnostic& what : read.errors) {
        report.errors.push_back(catalog::to_text(what));
    }
    if (closed_) {
        report.errors.emplace_back("the server is shutting down");
    }
    if (std::string why = parts_.in_the_way(); !why.empty()) {
        report.errors.push_back(std::move(why));
    }
    if (!read.value || !report.errors.empty()) {
        co_return report;
    }
    if (!read.value->awaited.empty() && !same_files(*parts_.settings, *read.value)) {
        report.errors.push_back(catalog::to_text(read.value->awaited.front()));
        co_return report;
    }
    if (const core::reason why = config::refuse_rules(parts_.door, config::door_rules_of(*read.value));
        !why.empty()) {
        report.errors.push_back(why);
        co_return report;
    }
    auto made = prepare_partial(*read.value, report);
    if (!made) {
        report.errors.push_back(made.error().message);
        co_return report;
    }
    if (std::string why = refuse_emptied(*parts_.settings, *read.value); !why.empty() && !allow_empty) {
        report.plan = {};
        report.errors.push_back(std::move(why));
        co_return report;
    }
    for (const std::string& key : report.plan.later) {
        report.warnings.push_back(core::say("configuration.warned/start", key));
    }
    add_warnings(report, config::door_warnings(parts_.door, config::door_rules_of(settings_after(
                                                                *parts_.settings, *read.value))));
    apply(std::move(*read.value), report.plan, std::move(*made));
    report.applied = true;
    ++applied_;
    parts_.keep(read.text);
    co_return report;
}

// A manifest whose model can't be made is left out like one with a mistake, and the others are looked at
// anew.
core::result<reloader::preparation> reloader::prepare_partial(config::configuration& wanted,
                                                              reload_report& report) {
    std::vector<std::string> kept;
    keep_folders(*parts_.settings, wanted);
    while (true) {
        for (std::string& name : keep_served(*parts_.settings, wanted)) {
            kept.push_back(std::move(name));
        }
        report.plan = plan_reload(*parts_.settings, wanted);
        std::string culprit;
        auto made = prepare(wanted, culprit);
        if (made || !config::leave_out(wanted, culprit, made.error().message)) {
            report.left_out = lines_of_left_out(wanted, kept);
            return made;
        }
    }
}

// `culprit`: the deployment at fault, where one is.
core::result<reloader::preparation> reloader::prepare(const config::configuration& wanted,
                                                      std::string& culprit) {
    preparation out;
    auto models = parts_.models->prepare(wanted, culprit);
    if (!models) {
        return models.error();
    }
    out.models = std::move(*models);
    const config::configuration after = settings_after(*parts_.settings, wanted);
    if (!same_files(*parts_.settings, after)) {
        out.credentials = std::make_shared<config::credential_files>(after);
        if (auto loaded = out.credentials->load(); !loaded) {
            return loaded.error();
        }
    }
    return out;
}

// Nothing in here waits, so a half applied state is never seen.
void reloader::apply(config::configuration wanted, const reload_plan& plan, preparation made) {
    const bool plain_before = !parts_.settings->tls.has_value();
    *parts_.settings = settings_after(*parts_.settings, std::move(wanted));
    const bool turns_secure = plain_before && parts_.settings->tls.has_value();
    const config::configuration& settings = *parts_.settings;
    telemetry::log().set_level(as_spdlog(settings.log_level));
    parts_.generations->adjust(generation_options_of(settings));
    parts_.generations->forget_deadly_prompts();
    parts_.server->adjust(settings.http);
    if (made.credentials) {
        *parts_.credentials = std::move(made.credentials);
        if ((*parts_.credentials)->tls()) {
            parts_.server->use_tls(*(*parts_.credentials)->tls());
        }
        if (turns_secure) {
            parts_.server->close_all();  // all they got was the refusal of a closed door
        }
    }
    parts_.models->apply(std::move(made.models), settings, plan);
    parts_.renew_pipeline();
}

}  // namespace corral::fleet

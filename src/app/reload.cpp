#include "reload.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "configuration_manifests.hpp"
#include "corral/telemetry/log.hpp"
#include "make_backend.hpp"
#include "service_notify.hpp"

namespace corral::app {

namespace {

// Of the configuration, where negative is forever, for the scheduler.
core::nanoseconds forever_if_negative(core::nanoseconds span) {
    return span < core::nanoseconds{0} ? core::nanoseconds::max() : span;
}

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

configuration_result read_guarded(const configuration_source& source) {
    try {
        return load_configuration(source);
    } catch (const std::exception& error) {
        configuration_result out;
        out.errors.push_back({source.file.string(), 0, 0, std::string("can't be read: ") + error.what()});
        return out;
    }
}

std::string joined(const std::vector<std::string>& names) {
    return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

const catalog::model_entry& entry_of(const configuration& in, const std::string& name) {
    return *std::find_if(in.models.begin(), in.models.end(),
                         [&](const catalog::model_entry& one) { return one.name == name; });
}

// Tells systemd of a reload, whichever way it ends.
class told_systemd {
public:
    explicit told_systemd(const bool& stopping) : stopping_(stopping) { notify_reloading(); }
    told_systemd(const told_systemd&) = delete;
    told_systemd& operator=(const told_systemd&) = delete;
    ~told_systemd() {
        if (!stopping_) {
            notify_ready();
        }
    }

private:
    const bool& stopping_;
};

void log_report(const reload_report& report) {
    for (const std::string& text : report.warnings) {
        telemetry::log().warn("reload: {}", telemetry::printable(text, 500));
    }
    for (const std::string& text : report.left_out) {
        telemetry::log().error("reload: {}", telemetry::printable(text, 500));
    }
    for (const std::string& text : report.errors) {
        telemetry::log().error("reload: {}", telemetry::printable(text, 500));
    }
    if (!report.applied) {
        telemetry::log().error("the configuration was not reloaded: nothing has changed");
        return;
    }
    const reload_plan& plan = report.plan;
    telemetry::log().info(
        "the configuration was reloaded: models added: {}; removed: {}; changed: {}; unchanged: {}",
        joined(plan.added), joined(plan.removed), joined(plan.changed), plan.unchanged.size());
}

// What was served of a manifest that has a mistake now goes on as it was: `kept`.
std::vector<std::string> lines_of_left_out(const configuration& wanted,
                                           const std::vector<std::string>& kept) {
    std::vector<std::string> out;
    for (const left_out_manifest& one : wanted.left_out) {
        for (std::string& line : left_out_lines(one)) {
            out.push_back(std::move(line));
        }
    }
    for (const std::string& name : kept) {
        out.push_back("model " + name + " stays as it was before");
    }
    return out;
}

bool same_files(const configuration& a, const configuration& b) {
    const auto tls = [](const configuration& of) {
        return of.tls ? std::pair(of.tls->certificate, of.tls->key)
                      : std::pair<std::filesystem::path, std::filesystem::path>();
    };
    return a.keys_file == b.keys_file && tls(a) == tls(b);
}

}  // namespace

scheduler::scheduler_options scheduler_options_of(const configuration& settings) {
    scheduler::scheduler_options out;
    out.max_queue = settings.max_queue;
    out.keep_alive = forever_if_negative(settings.keep_alive);
    return out;
}

api::generation_options generation_options_of(const configuration& settings) {
    api::generation_options out;
    out.request_deadline = settings.request_deadline;
    return out;
}

// What must succeed before anything is changed.
struct reloader::newcomers {
    std::map<std::string, std::unique_ptr<engine::backend>> backends;
    std::shared_ptr<credential_files> credentials;  // nullptr: those there are stay
};

reloader::reloader(reloadable parts, configuration_source source)
    : parts_(std::move(parts)),
      source_(std::move(source)),
      retired_(*parts_.tasks, *parts_.admission),
      over_(parts_.tasks->get_executor()) {}

void reloader::close() noexcept {
    closed_ = true;
    retired_.close();
}

core::awaitable<reload_report> reloader::reload() {
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
        report = co_await reload_now();
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

core::awaitable<reload_report> reloader::reload_now() {
    const told_systemd told(closed_);
    reload_report report;
    telemetry::log().info("the configuration is read again: {}", source_.file.string());
    std::function<configuration_result()> work = [source = source_] { return read_guarded(source); };
    configuration_result read = co_await disk_.run(std::move(work));
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
    auto made = prepare_what_can_be(*read.value, report);
    if (!made) {
        report.errors.push_back(made.error().message);
        co_return report;
    }
    for (const std::string& key : report.plan.later) {
        report.warnings.push_back("'" + key + "' takes effect at the next start");
    }
    apply(std::move(*read.value), report.plan, std::move(*made));
    report.applied = true;
    ++applied_;
    co_return report;
}

// A manifest whose model can't be made is left out like one with a mistake, and the others are looked at
// anew.
core::result<reloader::newcomers> reloader::prepare_what_can_be(configuration& wanted,
                                                                reload_report& report) {
    std::vector<std::string> kept;
    while (true) {
        for (std::string& name : keep_served(*parts_.settings, wanted)) {
            kept.push_back(std::move(name));
        }
        report.plan = plan_reload(*parts_.settings, wanted);
        std::string culprit;
        auto made = prepare(wanted, report.plan, culprit);
        if (made || !leave_out(wanted, culprit, made.error().message)) {
            report.left_out = lines_of_left_out(wanted, kept);
            return made;
        }
    }
}

// `culprit`: the model that is to blame, where one is.
core::result<reloader::newcomers> reloader::prepare(const configuration& wanted, const reload_plan& plan,
                                                    std::string& culprit) {
    newcomers out;
    for (const auto* names : {&plan.added, &plan.changed}) {
        for (const std::string& name : *names) {
            auto made = make_backend(*parts_.supervision, entry_of(wanted, name));
            if (!made) {
                culprit = name;
                return made.error();
            }
            out.backends.emplace(name, std::move(*made));
        }
    }
    const configuration after = settings_after(*parts_.settings, wanted);
    if (!same_files(*parts_.settings, after)) {
        out.credentials = std::make_shared<credential_files>(after);
        if (auto loaded = out.credentials->load(); !loaded) {
            return loaded.error();
        }
    }
    return out;
}

// Nothing in here waits, so nobody sees half of it.
void reloader::apply(configuration wanted, const reload_plan& plan, newcomers made) {
    *parts_.settings = settings_after(*parts_.settings, std::move(wanted));
    const configuration& settings = *parts_.settings;
    telemetry::log().set_level(as_spdlog(settings.log_level));
    parts_.admission->adjust(scheduler_options_of(settings));
    parts_.generations->adjust(generation_options_of(settings));
    parts_.server->adjust(settings.http);
    if (made.credentials) {
        *parts_.credentials = std::move(made.credentials);
        if ((*parts_.credentials)->tls()) {
            parts_.server->use_tls(*(*parts_.credentials)->tls());
        }
    }
    for (const std::string& name : plan.removed) {
        take_out(name, true);
    }
    for (const std::string& name : plan.changed) {
        const bool loaded = parts_.admission->residence_of(name).loaded;
        const engine::backend* const before = parts_.admission->runtime_of(name);
        const bool broken = before->available().state == engine::availability_state::broken;
        take_out(name, false);
        bring_in(std::move(made.backends.at(name)), loaded || broken);
    }
    for (const std::string& name : plan.added) {
        bring_in(std::move(made.backends.at(name)), true);
    }
    // In the order of the file, for people.
    const auto place = [&settings](const std::unique_ptr<engine::backend>& one) {
        return &entry_of(settings, one->model().name);
    };
    std::sort(parts_.backends->begin(), parts_.backends->end(),
              [&](const auto& a, const auto& b) { return place(a) < place(b); });
    parts_.renew_front();
}

// Its successor, if there is one, is brought in next.
void reloader::take_out(const std::string& name, bool for_good) {
    auto& backends = *parts_.backends;
    const auto found = std::find_if(backends.begin(), backends.end(),
                                    [&](const auto& one) { return one->model().name == name; });
    std::unique_ptr<engine::backend> runtime = std::move(*found);
    backends.erase(found);
    std::vector<std::weak_ptr<const api::served_model>> holders;
    for (const api::served& each : parts_.models->all()) {
        if (each->runtime == runtime.get()) {
            holders.emplace_back(each);
        }
    }
    if (for_good) {
        parts_.admission->remove(name);
        if (*parts_.variants) {
            (*parts_.variants)->set_aside(name);
        }
        parts_.models->remove(name);
    }
    parts_.on_taken_out(*runtime);
    retired_.take(std::move(runtime), std::move(holders));
}

void reloader::bring_in(std::unique_ptr<engine::backend> runtime, bool loaded) {
    const std::string name = runtime->model().name;
    parts_.admission->replace(*runtime);
    api::served_model served;
    served.entry = &runtime->model();
    served.runtime = runtime.get();
    parts_.models->put(std::move(served));
    if (*parts_.variants) {
        (*parts_.variants)->follow(name);
    }
    parts_.on_brought_in(*runtime);
    parts_.backends->push_back(std::move(runtime));
    retired_.when_stopped([admission = parts_.admission, name, loaded] {
        admission->admit(name);
        if (loaded && !admission->suspended(name)) {
            admission->load(name, std::nullopt);
        }
    });
}

}  // namespace corral::app

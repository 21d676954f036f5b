#include "cli/bench/bench_beside.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/bench/bench_run.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/disk_work.hpp"
#include "corral/core/random_source.hpp"
#include "corral/core/say.hpp"
#include "corral/core/task_group.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/device/reader.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/process/warden.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr core::seconds longest_question{5};
constexpr core::seconds longest_unload{300};  // behind the answer that may be running
constexpr core::seconds longest_load{1800};
constexpr core::seconds longest_wait{60};  // of a service that does not get to start
constexpr core::nanoseconds between_looks = 200ms;

core::failure about(core::errc code, core::reason why) {
    return core::make_failure(code, std::move(why));
}

std::optional<bench::asking> way_of(const std::string& dialect) {
    if (dialect == "ax-poll") {
        return bench::asking::polled;
    }
    if (dialect == "openai-sse") {
        return bench::asking::openai;
    }
    if (dialect == "ax-sse") {
        return bench::asking::axera;
    }
    if (dialect == "rkllm-flask") {
        return bench::asking::flask;
    }
    return dialect == "ollama" ? std::optional(bench::asking::ollama) : std::nullopt;
}

// Another model of that Corral which has processes here, or could get some.
std::string other_served(const control::admin_json& status, const std::string& model) {
    for (const auto& one : reported_objects(status, "models")) {
        const bool here = std::ranges::any_of(reported_instances(one), [](const auto& instance) {
            return !reported_objects(instance, "services").empty();
        });
        if (here && reported_text(one, "name") != model && reported_text(one, "state") != "stopped") {
            return reported_text(one, "name");
        }
    }
    return {};
}

std::optional<uid_t> owner_of(const std::vector<fs::path>& sockets) {
    for (const fs::path& one : sockets) {
        struct stat found {};
        if (::stat(one.c_str(), &found) == 0) {
            return found.st_uid;
        }
    }
    return std::nullopt;
}

// As its vendor starts it: nothing between the runtime and its tokenizer, and no looks of ours beside an answer.
catalog::model_entry without_corral(catalog::model_entry model) {
    model.runtime.tokenizer_tap = false;
    model.reuse = catalog::reuse_policy::off;
    model.renews_slow = false;
    model.fallbacks.clear();
    for (catalog::service_template& service : model.runtime.services) {
        service.liveness.interval = core::milliseconds{0};
    }
    return model;
}

}  // namespace

// What a supervisor needs around it.
struct own_runtime::machinery {
    explicit machinery(process::warden born) : guard(std::move(born)) {}

    void begin(const core::executor& on) {
        tasks.emplace(on, [](const std::string&, const std::string&) {});
        devices.emplace(device::reader_context{on, &clock, &guard, &disk});
        supervision =
            supervisor::supervisor_context{on, &clock, &random, &guard, &*tasks, false, &*devices, &disk};
    }

    process::warden guard;
    core::steady_clock_source clock;
    core::system_random random;
    core::disk_work disk;
    std::optional<core::task_group> tasks;
    std::optional<device::reader_set> devices;
    supervisor::supervisor_context supervision;
    std::unique_ptr<engine::backend> runtime;
};

own_runtime::own_runtime(catalog::model_entry model, std::vector<fs::path> sockets)
    : model_(without_corral(std::move(model))), sockets_(std::move(sockets)) {
    // Before the log's thread; what goes wrong is said once, by who asked.
    auto guard = process::warden::start();
    if (guard) {
        parts_ = std::make_unique<machinery>(std::move(*guard));
    }
    telemetry::start_logging(telemetry::log_level::error);
}

own_runtime::~own_runtime() {
    parts_.reset();
    if (stopped_there_) {
        [[maybe_unused]] const auto reply = ask("start");
    }
    telemetry::stop_logging();
}

void own_runtime::give_up() noexcept {
    gave_up_ = true;
}

core::result<control::admin_json> own_runtime::ask(const char* verb) const {
    control::admin_question question = question_of(verb, model_.name);
    if (question.path.ends_with("/unload")) {
        question.body["while_asker_runs"] = true;  // it is served again whatever becomes of us
    }
    return control::ask_daemon(sockets_, std::move(question), longest_question);
}

std::string own_runtime::state_at_corral() const {
    const auto status = ask("status");
    for (const auto& one :
         status ? reported_objects(*status, "models") : std::vector<control::admin_json>{}) {
        if (reported_text(one, "name") == model_.name) {
            return reported_text(one, "state");
        }
    }
    return {};
}

core::awaitable<core::result<void>> own_runtime::enter(bench_side& side) {
    if (!side.by_itself) {
        co_await go_down();
        auto back = give_card_back();
        co_return co_await std::move(back);
    }
    auto card = take_card();
    core::result<void> taken = co_await std::move(card);
    if (taken) {
        auto up = come_up(side);
        taken = co_await std::move(up);
    }
    co_return taken;
}

core::awaitable<core::result<void>> own_runtime::take_card() {
    const auto until = std::chrono::steady_clock::now() + longest_unload;
    if (const auto asked = ask("stop"); !asked) {
        co_return asked.error();
    }
    stopped_there_ = true;
    std::string state = state_at_corral();
    while (state != "stopped" && !gave_up_ && std::chrono::steady_clock::now() < until) {
        co_await core::sleep_for(between_looks);
        state = state_at_corral();
    }
    if (state == "stopped") {
        co_return core::result<void>{};
    }
    co_return about(core::errc::timed_out,
                    core::say("command.bench-beside/not-stopped", model_.name, longest_unload.count(),
                              "it is '" + state + "'", model_.name));
}

core::awaitable<core::result<void>> own_runtime::give_card_back() {
    if (stopped_there_) {
        if (const auto asked = ask("start"); !asked) {
            co_return asked.error();
        }
        stopped_there_ = false;
    }
    const auto until = std::chrono::steady_clock::now() + longest_load;
    std::string state = state_at_corral();
    while (state != "ready" && state != "broken" && !gave_up_ && std::chrono::steady_clock::now() < until) {
        co_await core::sleep_for(between_looks);
        state = state_at_corral();
    }
    if (state == "ready") {
        co_return core::result<void>{};
    }
    co_return about(core::errc::unavailable, core::say("command.bench-beside/not-ready", model_.name,
                                                       longest_load.count(), "it is '" + state + "'"));
}

core::awaitable<core::result<void>> own_runtime::come_up(bench_side& side) {
    const auto failed = [this](const std::string& why) {
        return about(core::errc::unavailable, core::say("command.bench-beside/own-start", model_.name, why));
    };
    if (!parts_) {
        co_return failed("there can be no process that looks after it");
    }
    const core::executor on = co_await core::asio::this_coro::executor;
    parts_->begin(on);
    auto made = engine::make_backend(parts_->supervision, model_);
    if (!made) {
        co_return made.error();
    }
    parts_->runtime = std::move(*made);
    parts_->runtime->start();
    supervisor::group& services = parts_->runtime->services();
    const auto until = core::deadline::after(longest_load, parts_->clock.now());
    while (!services.ready()) {
        const core::steady_time now = parts_->clock.now();
        for (const supervisor::service_status& one : services.status()) {
            const bool lost = one.starts > 0 && !one.last_end.empty();
            const bool stuck =
                one.state == supervisor::service_state::waiting && now - one.since > longest_wait;
            if (lost || stuck || one.state == supervisor::service_state::broken) {
                co_return failed(one.name + ": " + (lost ? one.last_end.text() : one.reason.text()));
            }
        }
        if (gave_up_ || until.passed(now)) {
            co_return failed("it is not ready within " + std::to_string(longest_load.count()) + " s");
        }
        co_await core::sleep_for(between_looks);
    }
    const auto places = services.hand_over();
    if (!places || places->services.empty()) {
        co_return failed("it ended as soon as it was ready");
    }
    side.target.at = {boost::asio::ip::address_v4::loopback(), places->services.back().port};
    side.target.host = "127.0.0.1:" + std::to_string(side.target.at.port());
    side.record.url = "http://" + side.target.host;
    co_return core::result<void>{};
}

core::awaitable<void> own_runtime::go_down() {
    if (!parts_ || !parts_->runtime) {
        co_return;
    }
    constexpr core::seconds longest_end{60};
    auto ending = parts_->runtime->stop(core::deadline::after(longest_end, parts_->clock.now()));
    [[maybe_unused]] const bool ended = co_await std::move(ending);
    parts_->runtime.reset();
    parts_->tasks->cancel();
    auto last = parts_->tasks->wait_empty(core::deadline::after(longest_end, parts_->clock.now()));
    [[maybe_unused]] const bool over = co_await std::move(last);
}

core::awaitable<void> own_runtime::leave() {
    auto down = go_down();
    co_await std::move(down);
    if (stopped_there_ && ask("start")) {
        stopped_there_ = false;
    }
}

core::result<std::shared_ptr<own_runtime>> own_runtime_of(const catalog::model_entry& model,
                                                          std::vector<fs::path> sockets,
                                                          const control::admin_json& status,
                                                          bench_side& other) {
    const auto way = way_of(model.runtime.dialect);
    const auto name = catalog::expand(model.runtime.traits.model_name, model.variables);
    if (model.runtime.services.empty()) {
        return about(core::errc::invalid, core::say("command.bench-beside/remote", model.name));
    }
    if (!way) {
        return about(core::errc::invalid,
                     core::say("command.bench-beside/dialect", model.runtime.name, model.runtime.dialect));
    }
    if (!name) {
        return name.error();
    }
    const bool one_client = *way != bench::asking::ollama && *way != bench::asking::openai;
    if (one_client && other.record.concurrency > 1) {
        return about(core::errc::invalid, core::say("command.bench-beside/one-client", model.name));
    }
    if (const auto owner = owner_of(sockets); owner && *owner != ::geteuid()) {
        return about(core::errc::invalid, core::say("command.bench-beside/user", *owner, *owner));
    }
    if (const std::string served = other_served(status, model.name); !served.empty()) {
        return about(core::errc::invalid, core::say("command.bench-beside/shared", served, served, served));
    }
    other.by_itself = true;
    other.target.how = *way;
    other.target.model = *name;
    other.target.system = model.default_system;
    other.record.server = model.runtime.name;
    other.record.facts.package = model.package.filename().string();
    other.record.facts.profile = model.runtime.name;
    return std::make_shared<own_runtime>(model, std::move(sockets));
}

}  // namespace corral::cli

#include "cli/bench/bench_plan.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "cli/base/daemon_place.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/reported_fields.hpp"
#include "cli/bench/bench_beside.hpp"
#include "cli/bench/bench_here.hpp"
#include "cli/bench/bench_run.hpp"
#include "corral/bench/report.hpp"
#include "corral/control/admin_client.hpp"
#include "corral/core/files.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

core::failure unusable(core::reason why) {
    return core::make_failure(core::errc::invalid, std::move(why));
}

core::result<fs::path> set_file(const std::string& name) {
    if (name.find('/') != std::string::npos || name.ends_with(".toml")) {
        return fs::path(name);
    }
    std::error_code error;
    for (const fs::path& folder : core::shipped_folders("bench")) {
        if (fs::is_regular_file(folder / (name + ".toml"), error)) {
            return folder / (name + ".toml");
        }
    }
    return unusable(core::say("command.bench-plan/no-set", name));
}

core::result<bench::prompt_set> read_set(const bench_options& options) {
    const core::result<fs::path> file = set_file(options.set);
    if (!file) {
        return file.error();
    }
    const core::result<std::string> text = read_bounded(*file, 1024 * 1024);
    if (!text) {
        return text.error();
    }
    core::result<bench::prompt_set> set = bench::parse_prompt_set(*text, file->string());
    for (std::size_t i = 0; set && i < set->tests.size(); ++i) {
        bench::prompt_test& test = set->tests[i];
        test.max_tokens = options.max_tokens > 0 ? options.max_tokens : test.max_tokens;
        test.think = options.think ? options.think : test.think;
    }
    return set;
}

// Names are looked up before the loop runs: Ctrl-C ends that at once. `option`: which of them it is.
core::result<bench::trial_target> target_of(const bench_options& options, const std::string& option,
                                            const std::string& address) {
    const core::result<server_address> server = find_server(option, address, options.ca_file);
    if (!server) {
        return server.error();
    }
    bench::trial_target out;
    out.at = server->at;
    out.host = server->host;
    out.tls = server->tls;
    out.model = options.model;
    out.silence =
        std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(options.silence));
    out.first_byte =
        std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(options.first_byte));
    return out;
}

constexpr core::seconds status_limit{3};

// By the network, as any client that may observe.
core::result<control::admin_json> status_from(const bench::trial_target& target) {
    http::stream_call call;
    call.to = target.at;
    call.host = target.host;
    call.tls = target.tls;
    if (!target.key.empty()) {
        call.headers.add("Authorization", "Bearer " + target.key);
    }
    core::result<control::admin_reply> reply = control::exchange_alone(std::move(call), {}, status_limit);
    if (!reply) {
        return reply.error();
    }
    constexpr unsigned good = 200;
    if (reply->status != good || !reply->body.is_object()) {
        const bool forbidden = reply->status == 401 || reply->status == 403;
        return core::make_failure(core::errc::refused, forbidden ? core::say("command.asks-daemon/scope")
                                                                 : core::say("command.asks-daemon/box"));
    }
    return std::move(reply->body);
}

// What the services of `model` have printed, by the admin socket.
std::string lines_from(const std::vector<fs::path>& sockets, const std::string& model) {
    constexpr std::size_t most = 1024 * 1024;
    std::string out;
    const auto take = [&](std::string_view event, const control::admin_json& data) {
        if (event == "line") {
            out += reported_text(data, "text") + "\n";
        }
        return out.size() < most;
    };
    const core::result<void> read = control::follow_daemon(
        sockets, "/corral/v1/logs/stream?follow=0&lines=1000&service=" + model, status_limit, take);
    return read ? out : std::string();
}

// Of a Corral. The admin socket of this machine where `sockets` are given, else the network.
void open_door(bench_side& side, const std::vector<fs::path>& sockets) {
    box_door door;
    door.model = side.target.model;
    if (sockets.empty()) {
        door.status = [target = side.target] { return status_from(target); };
    } else {
        door.status = [sockets] { return control::ask_daemon(sockets, {}, status_limit); };
        door.lines = [sockets, model = side.target.model] { return lines_from(sockets, model); };
    }
    const core::result<control::admin_json> status = door.status();
    if (!status) {
        side.record.unwatched = status.error().message;
        return;
    }
    door.here = !sockets.empty() || (side.target.at.address().is_loopback() && is_of_this_machine(*status));
    add_box_facts(side.record.facts, door, *status);
    side.watcher = std::make_shared<box_watcher>(std::move(door));
}

// Corral is asked for its clocks and looked at; what others say of themselves is all that is known of them.
void watch(bench_side& side, const std::vector<fs::path>& sockets) {
    if (side.record.facts.corral.empty()) {
        side.record.unwatched = "the server is no Corral";
        return;
    }
    side.target.headers.add("X-Corral-Timing", "1");
    open_door(side, sockets);
}

std::string now_text(const char* format) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::array<char, 64> out{};
    return {out.data(), std::strftime(out.data(), out.size(), format, &parts)};
}

core::result<fs::path> out_folder(const bench_options& options, const std::string& model) {
    std::string name = options.out;
    if (name.empty()) {
        name = "bench-" + model + now_text("-%Y%m%d-%H%M%S");
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c == '/' || c == ':'; }, '-');
    }
    std::error_code error;
    fs::create_directories(name, error);
    if (error) {
        return unusable(core::say("command.bench-plan/folder", name, error));
    }
    return fs::path(name);
}

// What is known of a side before it is measured.
bench::run_record begun(const bench_options& options, const bench::prompt_set& set, const std::string& url,
                        const std::string& model) {
    bench::run_record out;
    out.model = model;
    out.url = url;
    out.hardware = options.hardware;
    out.set = set.name;
    out.warm_up = options.warm_up;
    out.generated = now_text("%Y-%m-%d %H:%M:%S");
    out.concurrency = options.concurrency;
    out.planned = options.repeat * options.concurrency * static_cast<unsigned>(set.tests.size());
    return out;
}

bool is_address(const std::string& text) {
    return text.find("://") != std::string::npos;
}

// The results of an earlier run, in the folder `name`.
core::result<bench::run_record> results_in(const std::string& name) {
    const fs::path file = fs::path(name) / "results.json";
    const core::result<std::string> text = read_bounded(file, 64 * 1024 * 1024);
    if (!text) {
        return text.error();
    }
    return bench::read_results(*text, file.string());
}

core::result<void> read_before(const bench_options& options, bench_plan& plan) {
    const core::result<bench::run_record> before = results_in(options.compare);
    if (!before) {
        return before.error();
    }
    const bool common = std::ranges::any_of(before->results, [&](const auto& one) {
        return std::ranges::any_of(plan.set.tests, [&](const auto& test) { return test.id == one.test.id; });
    });
    if (!common) {
        return unusable(
            core::say("command.bench-plan/no-common", options.compare, before->set, plan.set.name));
    }
    plan.before = *before;
    return {};
}

core::result<bench::trial_target> other_target(const bench_options& options, const std::string& option,
                                               const std::string& address) {
    core::result<bench::trial_target> target = target_of(options, option, address);
    const core::result<std::string> key = key_in(options.compare_key_file);
    if (target && !key) {
        return key.error();
    }
    if (target) {
        target->key = *key;
    }
    return target;
}

core::result<void> add_other(const bench_options& options, bench_plan& plan) {
    const core::result<bench::trial_target> target = other_target(options, "--compare", options.compare);
    if (!target) {
        return target.error();
    }
    bench_side other;
    other.target = *target;
    other.target.model = options.compare_model.empty() ? plan.side.target.model : options.compare_model;
    other.record = begun(options, plan.set, options.compare, other.target.model);
    const core::result<void> learned = learn_server(other);
    if (!learned) {
        return learned.error();
    }
    watch(other, {});
    plan.other = std::move(other);
    return {};
}

core::result<void> make_folder_beside(bench_plan& plan) {
    std::error_code error;
    plan.other->out = plan.side.out / "compared";
    fs::create_directories(plan.other->out, error);
    return error
               ? core::result<void>(unusable(core::say("command.bench-plan/folder", plan.other->out, error)))
               : core::result<void>();
}

// What Corral is measured beside. REQUIRES: no thread exists yet.
core::result<void> add_beside(const bench_options& options, const local_corral& here,
                              const std::vector<fs::path>& sockets, bench_plan& plan) {
    bench_side other;
    const bool to_server = !options.beside.empty();
    other.target.first_byte = plan.side.target.first_byte;
    other.target.silence = plan.side.target.silence;
    if (to_server) {
        const core::result<bench::trial_target> target = other_target(options, "--beside", options.beside);
        if (!target) {
            return target.error();
        }
        other.target = *target;
        other.target.how = bench::asking::openai;
        other.target.model = options.compare_model;
    }
    other.record =
        begun(options, plan.set, to_server ? options.beside : "its own runtime", plan.side.record.model);
    other.record.unwatched = "the box is looked at through Corral alone";
    if (to_server) {
        const core::result<void> learned = learn_openai(other, plan.side.record.model);
        if (!learned) {
            return learned.error();
        }
    } else {
        const catalog::model_entry* const model =
            sockets.empty() ? nullptr : config::find_model(here.known.files, plan.side.record.model);
        if (model == nullptr) {
            return core::make_failure(core::errc::invalid,
                                      core::say("command.bench-beside/elsewhere", plan.side.record.url));
        }
        auto own = own_runtime_of(*model, sockets, here.known.status, other);
        if (!own) {
            return own.error();
        }
        plan.own = std::move(*own);
    }
    for (bench_side* const side : {&plan.side, &other}) {
        side->target.greedy = true;
        // The likeliest token leaves nothing to choose from.
        std::erase_if(side->record.sampling, [](const auto& one) {
            return one.first == "temperature" || one.first == "top_k" || one.first == "top_p";
        });
        side->record.sampling.emplace_back("temperature", 0);
    }
    plan.beside = true;
    plan.other = std::move(other);
    return {};
}

// A refused connection, in the words of every other command where no server was named.
core::failure explained(core::failure failure, bool usual_place) {
    if (usual_place && failure.code == boost::asio::error::connection_refused) {
        failure.message =
            core::say("command.not-running/plain", "'corral serve' or 'sudo systemctl start corral'");
    }
    return failure;
}

}  // namespace

core::result<bench_plan> plan_of(const bench_options& options, const command_context& context) {
    bench_plan plan;
    const core::result<bench::prompt_set> set = read_set(options);
    const core::result<std::string> key = key_of(options.key_file, context.environment);
    if (!set || !key) {
        return !set ? set.error() : key.error();
    }
    const local_corral here = look_here(options.config, context.environment);
    const std::string url = options.url.empty() ? here.url : options.url;
    core::result<bench::trial_target> target = target_of(options, "--url", url);
    if (!target) {
        return target.error();
    }
    if (options.url.empty() && target->tls && options.ca_file.empty()) {
        const core::result<void> trusted = trust_here(target->tls, here);
        if (!trusted) {
            return trusted.error();
        }
    }
    plan.set = *set;
    plan.side.target = *target;
    plan.side.target.key = *key;
    plan.side.record = begun(options, plan.set, url, options.model);
    plan.repeat = options.repeat;
    core::result<void> learned = learn_server(plan.side);
    if (!learned) {
        return explained(learned.error(), options.url.empty());
    }
    const bool served_here = is_served_here(here, plan.side.target);
    if (served_here) {
        add_local_facts(plan.side.record, here);
    }
    daemon_place place;
    place.config = options.config;
    const std::vector<fs::path> sockets =
        served_here ? sockets_of(place, context.environment) : std::vector<fs::path>{};
    if (options.is_beside) {
        if (const core::result<void> ready = add_beside(options, here, sockets, plan); !ready) {
            return ready.error();
        }
    }
    watch(plan.side, sockets);
    if (!plan.beside) {  // its answers are greedy ones, of another speed
        plan.history_file = history_file(context.environment);
        plan.side.record.history = earlier_runs(plan.history_file, plan.side.record);
    }
    if (!options.compare.empty()) {
        const core::result<void> ready =
            is_address(options.compare) ? add_other(options, plan) : read_before(options, plan);
        if (!ready) {
            return ready.error();
        }
    }
    const core::result<fs::path> out = out_folder(options, plan.side.target.model);
    if (!out) {
        return out.error();
    }
    plan.side.out = *out;
    if (plan.other) {
        if (const core::result<void> made = make_folder_beside(plan); !made) {
            return made.error();
        }
    }
    return plan;
}

}  // namespace corral::cli

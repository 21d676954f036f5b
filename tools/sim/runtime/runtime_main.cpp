#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <thread>

#include "control_server.hpp"
#include "device/simulated_device.hpp"
#include "process_end.hpp"
#include "programs.hpp"
#include "runtime/job_worker.hpp"
#include "runtime/llm_engine.hpp"
#include "runtime/model_loader.hpp"
#include "runtime/run_journal.hpp"
#include "runtime/vendor_flags.hpp"
#include "runtime/vendor_http_server.hpp"
#include "runtime/vendor_log.hpp"
#include "runtime/vendor_routes.hpp"

namespace corral::sim {
namespace {

using nlohmann::json;

int interrupt_pipe[2] = {-1, -1};

void on_interrupt(int) {
    const char byte = 'i';
    const auto saved = errno;
    if (write(interrupt_pipe[1], &byte, 1) != 1) {
        // A full pipe already says what there is to say.
    }
    errno = saved;
}

// Everything that threads share. Never destroyed: the program ends without joining them.
struct runtime_parts {
    explicit runtime_parts(const scenario& initial) : settings(initial) {}

    settings_store settings;
    fault_switches faults{fault_program::runtime};
    run_journal journal;
    tokenizer_client tokenizer;
    route_counters counters;
    connection_counts connections;
    vendor_http_server server{faults, connections};
    std::atomic<llm_engine*> engine{nullptr};
    std::atomic<job_worker*> worker{nullptr};
    std::atomic<int> port{0};
    std::atomic<bool> ready{false};
};

json state_of(const runtime_parts& parts) {
    const auto* worker = parts.worker.load();
    json state{{"program", "runtime"},
               {"pid", getpid()},
               {"port", parts.port.load()},
               {"ready", parts.ready.load()},
               {"phase", "loading"},
               {"running", false},
               {"P", 0},
               {"overran", false},
               {"hangs", false},
               {"queue_bytes", 0},
               {"queued_jobs", worker == nullptr ? 0 : worker->unfinished()},
               {"polls", parts.counters.polls.load()},
               {"last_poll_ns", parts.counters.last_poll_ns.load()},
               {"generates", parts.counters.generates.load()},
               {"resets", parts.counters.resets.load()},
               {"stops", parts.counters.stops.load()},
               {"connections", parts.connections.open.load()},
               {"connections_high_water", parts.connections.high_water.load()},
               {"accepted", parts.connections.accepted.load()},
               {"silent", parts.connections.silent.load()},
               {"runs", parts.journal.run_count()}};
    if (auto* engine = parts.engine.load()) {
        state["phase"] = engine->phase();
        state["running"] = engine->running();
        state["P"] = engine->cached_tokens();
        state["overran"] = engine->overran();
        state["hangs"] = engine->hangs();
        state["queue_bytes"] = engine->texts().bytes();
    }
    return state;
}

control_reply answer_control(const runtime_parts& parts, const std::string& command, const json& request) {
    if (command == "state") return {state_of(parts), {}};
    if (command == "runs") return {{{"runs", parts.journal.runs_since(request.value("since", 0))}}, {}};
    if (command == "trace")
        return {{{"events", parts.journal.events_since(request.value("since", std::int64_t{0}))}}, {}};
    return {};
}

void act_on_fault(runtime_parts& parts, const std::string& name) {
    auto* engine = parts.engine.load();
    if (engine == nullptr) return;
    const auto args = parts.faults.active_faults().value(name, json::object()).value("args", json::object());
    if (name == "stale_text" && args.value("now", true)) {
        engine->texts().push(args.value("text", "stale text"));
        // "once" is this once; otherwise it stays for every reset.
        if (parts.faults.active_faults()[name]["on"] == 1) parts.faults.fire(name);
    }
    if (name == "block_pool")
        if (const auto fault = parts.faults.fire(name)) parts.server.block_pool(fault->value("ms", 5000));
}

void obey_start_faults(fault_switches& faults, const std::string& argv0) {
    obey_end_faults(faults, "now");
    obey_end_faults(faults, "start");
    if (const auto fault = faults.fire("start_loader")) {
        std::fprintf(
            stderr,
            "%s: error while loading shared libraries: %s: cannot open shared object file: No such file or "
            "directory\n",
            argv0.c_str(), fault->value("library", std::string("libaxcl_rt.so")).c_str());
        leave(127);
    }
}

// SIGINT asks the HTTP server to stop; one that came before it listened is lost.
void watch_interrupts(vendor_http_server& server) {
    char stale = 0;
    while (read(interrupt_pipe[0], &stale, 1) == 1) {
    }
    fcntl(interrupt_pipe[0], F_SETFL, 0);  // from here on the watcher waits in read
    std::thread([&server] {
        char byte = 0;
        while (read(interrupt_pipe[0], &byte, 1) == 1)
            if (server.is_running()) server.stop();
    }).detach();
}

bool bind_port(runtime_parts& parts) {
    if (parts.faults.fire("start_port_taken")) return false;
    const auto address = address_from_environment("0.0.0.0");
    const int wanted = port_from_environment(8000);
    const int bound = wanted == 0 ? parts.server.bind_to_any_port(address)
                                  : (parts.server.bind_to_port(address, wanted) ? wanted : -1);
    if (bound < 0) return false;
    parts.port = bound;
    return true;
}

[[noreturn]] void end_normally(const llm_engine& engine, const vendor_flags& flags, bool axcl) {
    if (axcl)
        for (int id : flags.devices)
            log_line(log_level::info, "run", 80, "AXCLWorker exit with devid %d", id);
    if (const auto device = simulated_device::from_environment()) device->give_back();
    if (engine.overran()) {
        std::fputs("free(): invalid pointer\n", stderr);
        die_by_signal(SIGABRT);
    }
    leave(0);
}

[[noreturn]] void serve(runtime_parts& parts, const vendor_flags& flags, const scenario& settings,
                        const loaded_model& model) {
    const bool axcl = settings.build == "axcl";
    auto* engine = new llm_engine({parts.settings, parts.faults, parts.journal, parts.tokenizer,
                                   model.geometry, flags.axmodel_num, flags.tokens_embed_num,
                                   model.broken_layer, model.identity.name, flags.devices});
    if (!model.post_config.is_null()) engine->load_sampling(model.post_config);
    auto* worker = new job_worker;
    parts.engine = engine;
    parts.worker = worker;
    auto* routes =
        new route_parts{parts.settings, parts.faults, parts.journal, *engine, *worker, parts.counters};
    add_vendor_routes(parts.server, *routes);
    std::fputs("Server running on port 8000...\n", stdout);
    std::fflush(stdout);
    // Before bind, as in the original: the line is no proof of readiness.
    if (bind_port(parts)) {
        watch_interrupts(parts.server);
        parts.ready = true;
        obey_end_faults(parts.faults, "ready");
        if (const auto fault = parts.faults.fire("block_pool"))
            std::thread([&parts, ms = fault->value("ms", 5000)] { parts.server.block_pool(ms); }).detach();
        parts.server.listen_after_bind();
        parts.ready = false;
    }
    worker->finish();
    end_normally(*engine, flags, axcl);
}

}  // namespace

int run_runtime(const std::string& argv0, const std::vector<std::string>& args) {
    scenario settings;
    const auto faults = load_from_environment(settings);
    std::signal(SIGPIPE, SIG_IGN);
    if (pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return 2;
    std::signal(SIGINT, on_interrupt);
    auto* parts = new runtime_parts(settings);
    parts->faults.set_all(faults);
    obey_start_faults(parts->faults, argv0);
    const auto flags = parse_vendor_flags(argv0, args, settings.build == "axcl");
    if (const auto fault = parts->faults.fire("start_axcl_init")) leave(fault->value("code", 1) % 256);
    parts->tokenizer.set_url(flags.url_tokenizer_model);
    auto* control = new control_parts{parts->settings, parts->faults,
                                      [parts](const std::string& command, const json& request) {
                                          return answer_control(*parts, command, request);
                                      },
                                      [parts](const std::string& name) { act_on_fault(*parts, name); }};
    start_control_server(*control);
    const auto model = load_model(flags, settings, parts->faults, parts->tokenizer);
    serve(*parts, flags, settings, model);
}

}  // namespace corral::sim

#include "corral/monitor/metric_sources.hpp"

#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <set>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "corral/catalog/placement.hpp"
#include "corral/version.hpp"

namespace corral::monitor {

namespace {

using engine::availability_state;
using telemetry::metric_labels;

constexpr double bytes_in_mib = 1024.0 * 1024.0;
constexpr double percents = 100.0;

constexpr std::array<std::pair<availability_state, const char*>, 4> model_states{
    {{availability_state::stopped, "unloaded"},
     {availability_state::loading, "loading"},
     {availability_state::ready, "ready"},
     {availability_state::broken, "broken"}}};

double seconds_of(core::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
}

void collect_backend(telemetry::metric_page& page, const engine::backend& runtime) {
    const metric_labels at{{"model", runtime.model().name}, {"backend", catalog::label_of(runtime.model())}};
    const engine::availability now = runtime.available();
    for (const auto& [state, word] : model_states) {
        metric_labels labels = at;
        labels.emplace_back("state", word);
        page.gauge("corral_backend_state", "1 for the current state of the backend, 0 for the others.",
                   std::move(labels), now.state == state ? 1 : 0);
    }
    if (now.progress) {
        page.gauge("corral_backend_load_ratio", "Progress of the current load, 0 to 1.", at, *now.progress);
    }
    const engine::backend_report report = runtime.report();
    const engine::intrusion_counts& seen = report.intrusions;
    const std::pair<const char*, std::uint64_t> kinds[] = {
        {"tap", seen.tap_calls}, {"poll", seen.polls}, {"stop", seen.stops}};
    for (const auto& [kind, count] : kinds) {
        metric_labels labels = at;
        labels.emplace_back("kind", kind);
        page.counter("corral_intrusions_total",
                     "Interference by other programs on this box: refused calls to the tokenizer tap, "
                     "answers that were partly polled away, runs that were stopped.",
                     std::move(labels), static_cast<double>(count));
    }
    const engine::reuse_report& reuse = report.reuse;
    if (!reuse.state.empty()) {
        page.counter("corral_prompt_mistaken_total",
                     "Prompts for which the backend's cache did not hold what was expected; none of their "
                     "answers was delivered.",
                     at, static_cast<double>(reuse.mistaken));
    }
    if (runtime.facts().computes_ahead || reuse.ahead_made > 0) {
        page.counter("corral_ahead_total", "Prompt prefixes computed ahead of a request.", at,
                     static_cast<double>(reuse.ahead_made));
        page.counter("corral_ahead_hits_total",
                     "Prompt prefixes computed ahead that a prompt then continued.", at,
                     static_cast<double>(reuse.ahead_hits));
        page.counter("corral_ahead_saved_seconds_total", "Prefill time saved by prefixes computed ahead.", at,
                     core::as_seconds(reuse.ahead_saved));
        page.counter("corral_ahead_delay_seconds_total",
                     "Time that other requests waited for a prefix being computed ahead.", at,
                     core::as_seconds(reuse.ahead_waited));
    }
    const engine::speed_report& speed = report.speed;
    page.gauge("corral_backend_slowdown_ratio",
               "Time per token relative to the process's first runs; 0 while it is no slower.", at,
               speed.slower);
    const engine::growth_report& growth = report.growth;
    for (const engine::growth_report::resource& each : growth.resources) {
        metric_labels labels = at;
        labels.emplace_back("resource", process::to_string(each.which));
        page.gauge("corral_backend_resource_used",
                   "Memory in bytes, file descriptors and threads held by the runtime's processes.", labels,
                   each.held);
        page.gauge("corral_backend_resource_growth",
                   "Growth per hour of what the runtime's processes hold; 0 while no growth is known.",
                   std::move(labels), each.per_hour);
    }
    for (const auto& [cause, count] :
         {std::pair{"slower", speed.renewals}, std::pair{"growth", growth.renewals}}) {
        metric_labels labels = at;
        labels.emplace_back("cause", cause);
        page.counter("corral_backend_renewals_total",
                     "Processes replaced because they had slowed down or their memory, descriptors or "
                     "threads kept growing.",
                     std::move(labels), static_cast<double>(count));
    }
    const engine::device_claim claim = runtime.claim();
    page.gauge("corral_backend_device_memory_bytes",
               "Card memory that the backend uses, or would use when loaded.", at,
               static_cast<double>(claim.memory_mb) * bytes_in_mib);
}

void collect_card(telemetry::metric_page& page, const device::card_figures& card) {
    const metric_labels at{{"card", std::to_string(card.index)}};
    if (card.npu) {
        page.gauge("corral_device_utilisation_ratio", "Utilisation of the card's NPU, 0 to 1.", at,
                   *card.npu / percents);
    }
    if (card.cpu) {
        page.gauge("corral_device_cpu_ratio", "Utilisation of the card's own processors, 0 to 1.", at,
                   *card.cpu / percents);
    }
    if (card.temperature) {
        page.gauge("corral_device_temperature_celsius", "Temperature of the card.", at, *card.temperature);
    }
    if (card.power) {
        page.gauge("corral_device_power_watts", "Power draw of the card, as reported by its tool.", at,
                   *card.power);
    }
    if (!card.health.empty()) {
        page.gauge("corral_device_healthy", "1 while the card's tool reports no fault, else 0.", at,
                   device::is_healthy(card) ? 1 : 0);
    }
    if (card.memory) {
        page.gauge("corral_device_system_memory_used_bytes", "System memory in use on the card or board.", at,
                   static_cast<double>(card.memory->used) * bytes_in_mib);
        page.gauge("corral_device_system_memory_bytes", "System memory of the card or board.", at,
                   static_cast<double>(card.memory->total) * bytes_in_mib);
    }
    if (card.model_memory) {
        page.gauge("corral_device_memory_used_bytes", "Memory for models in use on the card.", at,
                   static_cast<double>(card.model_memory->used) * bytes_in_mib);
        page.gauge("corral_device_memory_bytes", "Memory for models on the card.", at,
                   static_cast<double>(card.model_memory->total) * bytes_in_mib);
    }
}

constexpr std::array compute_verdicts{device::compute_verdict::unknown, device::compute_verdict::ok,
                                      device::compute_verdict::underused, device::compute_verdict::suspected,
                                      device::compute_verdict::fallback};

// What the kernel says of this process, under the names that every Prometheus client gives them. /proc is
// memory; nothing of it waits.
double seconds_in(const timeval& span) {
    constexpr double micro = 1e-6;
    return static_cast<double>(span.tv_sec) + static_cast<double>(span.tv_usec) * micro;
}

struct memory_pages {
    double whole = 0;
    double resident = 0;
};

std::optional<memory_pages> read_pages() {
    std::ifstream in("/proc/self/statm");
    memory_pages out;
    return in >> out.whole >> out.resident ? std::optional(out) : std::nullopt;
}

std::optional<double> count_descriptors() {
    DIR* const folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) {
        return std::nullopt;
    }
    double found = 0;
    while (const dirent* one = ::readdir(folder)) {
        found += one->d_name[0] != '.' ? 1 : 0;
    }
    ::closedir(folder);
    return found - 1;  // the one that looks
}

}  // namespace

void collect_build(telemetry::metric_page& page, const std::string& box) {
    page.gauge("corral_build_info", "Always 1; the version of Corral, and the name of the box.",
               {{"version", std::string(version)}, {"box", box}}, 1);
}

void collect_queue(telemetry::metric_page& page, const scheduler::scheduler& admission) {
    const scheduler::queue_snapshot now = admission.snapshot();
    const auto count = [&](const char* name, const char* help, std::uint64_t value) {
        page.counter(name, help, {}, static_cast<double>(value));
    };
    page.gauge("corral_up", "1 while requests are accepted, 0 while the server shuts down.", {},
               admission.refuses_new() ? 0 : 1);
    count("corral_grants_total", "Leases of a backend granted to requests.", now.granted);
    count("corral_swaps_total", "Loads that had to wait for an eviction.", now.swaps);
    count("corral_evictions_total", "Models unloaded to free card memory for another.", now.evictions);
    count("corral_overtaken_total",
          "Leases granted although an earlier request waited for another model in the same card memory.",
          now.overtaken);
    if (now.estimate) {
        page.gauge("corral_queue_estimate_seconds", "Estimated wait of a new request; absent while unknown.",
                   {}, static_cast<double>(now.estimate->count()));
    }
}

void collect_models(telemetry::metric_page& page, const scheduler::scheduler& admission,
                    const std::vector<std::unique_ptr<engine::backend>>& backends) {
    std::set<std::string> counted;
    for (const auto& runtime : backends) {
        collect_backend(page, *runtime);
        const std::string& name = runtime->model().name;
        if (!counted.insert(name).second) {
            continue;
        }
        const scheduler::model_queue queue = admission.queue_of(name);
        page.gauge("corral_queue_waiting", "Requests waiting for the model.", {{"model", name}},
                   static_cast<double>(queue.waiting));
        page.gauge("corral_requests_running", "Requests running on the model.", {{"model", name}},
                   static_cast<double>(queue.running));
    }
}

void collect_compute(telemetry::metric_page& page, const compute_watch& watch,
                     const std::vector<std::unique_ptr<engine::backend>>& backends) {
    for (const auto& runtime : backends) {
        const device::compute_state* const now = watch.of(*runtime);
        if (now == nullptr) {
            continue;
        }
        const metric_labels at{{"model", runtime->model().name},
                               {"backend", catalog::label_of(runtime->model())}};
        for (const device::compute_verdict each : compute_verdicts) {
            metric_labels labels = at;
            labels.emplace_back("state", device::to_string(each));
            page.gauge("corral_compute_state",
                       "1 for the current verdict on whether the accelerator computes the answers, 0 for the "
                       "others.",
                       std::move(labels), now->verdict == each ? 1 : 0);
        }
        if (now->verdict != device::compute_verdict::unknown) {
            page.gauge("corral_compute_utilisation_ratio",
                       "Mean utilisation of the NPU during answers, 0 to 1.", at, now->npu_mean / percents);
            page.gauge("corral_compute_cpu_cores",
                       "Processors of the host that the backend uses during answers.", at, now->busy_cores);
        }
    }
}

void collect_devices(telemetry::metric_page& page, const device::reader_set& tools, core::steady_time now) {
    const auto& all = tools.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const device::device_look* const last = all[i]->last();
        if (last == nullptr) {
            continue;
        }
        const metric_labels at{{"tool", std::to_string(i)}};
        page.gauge("corral_device_answers",
                   "1 if the cards' status tool returned figures when last asked, else 0.", at,
                   last->problem == device::look_problem::none ? 1 : 0);
        page.gauge("corral_device_age_seconds", "Age of the cards' figures.", at, seconds_of(now - last->at));
        if (last->problem != device::look_problem::none) {
            continue;
        }
        for (const device::card_figures& card : last->report.cards) {
            collect_card(page, card);
        }
    }
}

void collect_server(telemetry::metric_page& page, const http::server_stats& now) {
    page.gauge("corral_connections", "Open client connections.", {}, static_cast<double>(now.connections));
    page.gauge("corral_exchanges", "HTTP requests in progress.", {}, static_cast<double>(now.exchanges));
}

void collect_process(telemetry::metric_page& page) {
    if (const auto pages = read_pages()) {
        const auto size = static_cast<double>(::sysconf(_SC_PAGESIZE));
        page.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", {},
                   pages->resident * size);
        page.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", {}, pages->whole * size);
    }
    if (const auto open = count_descriptors()) {
        page.gauge("process_open_fds", "Number of open file descriptors.", {}, *open);
    }
    rlimit most{};
    if (::getrlimit(RLIMIT_NOFILE, &most) == 0) {
        page.gauge("process_max_fds", "Maximum number of open file descriptors.", {},
                   static_cast<double>(most.rlim_cur));
    }
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        page.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", {},
                     seconds_in(used.ru_utime) + seconds_in(used.ru_stime));
    }
}

}  // namespace corral::monitor

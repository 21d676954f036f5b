#include "cli/bench/bench_run.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/utsname.h>

#include "cli/base/reported_fields.hpp"
#include "corral/catalog/model_name.hpp"
#include "corral/core/json_members.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using control::admin_json;

std::string kernel_file(pid_t pid, const char* name) {
    constexpr std::size_t most = 128 * 1024;
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
    std::string text(most, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return text;
}

std::optional<std::int64_t> number_in(std::string_view text, int base = 10) {
    std::int64_t out = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return read.ec == std::errc{} && read.ptr != text.data() ? std::optional(out) : std::nullopt;
}

// The words of a command line, or the variables of an environment.
std::vector<std::string> words_in(const std::string& text) {
    std::vector<std::string> out;
    std::size_t from = 0;
    while (from < text.size()) {
        const std::size_t end = std::min(text.find('\0', from), text.size());
        out.push_back(text.substr(from, end - from));
        from = end + 1;
    }
    return out;
}

// "--threads 4" or "--threads=4"
std::optional<std::int64_t> option_number(const std::vector<std::string>& words,
                                          const std::vector<std::string>& flags) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        for (const std::string& flag : flags) {
            if (words[i] == flag && i + 1 < words.size()) {
                return number_in(words[i + 1]);
            }
            if (words[i].starts_with(flag + "=")) {
                return number_in(std::string_view(words[i]).substr(flag.size() + 1));
            }
        }
    }
    return std::nullopt;
}

// The number behind the last `words` in the lines of a service.
std::optional<std::int64_t> printed_number(const std::string& lines, std::string_view words) {
    const std::size_t at = lines.rfind(words);
    return at == std::string::npos ? std::nullopt
                                   : number_in(std::string_view(lines).substr(at + words.size(), 20));
}

// The word behind the last `words`, as of a version.
std::string printed_word(const std::string& lines, std::string_view words) {
    const std::size_t at = lines.rfind(words);
    if (at == std::string::npos) {
        return {};
    }
    const std::string rest = lines.substr(at + words.size(), 40);
    return telemetry::printable(rest.substr(0, rest.find_first_of(", \r\n")), 40);
}

// "Cpus_allowed:\tf0": a processor for each bit; more than 63 don't fit.
std::optional<std::int64_t> processors_of(pid_t pid) {
    constexpr std::string_view name = "Cpus_allowed:\t";
    const std::string status = kernel_file(pid, "status");
    const std::size_t at = status.find(name);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    std::string mask = status.substr(at + name.size(), status.find('\n', at) - at - name.size());
    std::erase(mask, ',');
    return number_in(mask, 16);
}

// Of a status, the sets of processes that serve `model`.
std::vector<admin_json> instances_of(const admin_json& status, const std::string& model) {
    for (const admin_json& one : reported_objects(status, "models")) {
        const auto aliases = core::list_at(one, "aliases");
        const bool meant =
            catalog::same_model(reported_text(one, "name"), model) ||
            std::ranges::any_of(aliases, [&](const admin_json& alias) {
                return alias.is_string() && catalog::same_model(alias.get<std::string>(), model);
            });
        if (meant) {
            return reported_instances(one);
        }
    }
    return {};
}

std::vector<int> cards_of(const std::vector<admin_json>& instances) {
    std::vector<int> out;
    for (const admin_json& one : instances) {
        if (const admin_json* const memory = core::member(one, "memory")) {
            for (const admin_json& card : core::list_at(*memory, "cards")) {
                if (card.is_number_integer()) {
                    out.push_back(card.get<int>());
                }
            }
        }
    }
    return out;
}

std::string card_name(const admin_json& card) {
    const std::string name = reported_text(card, "name", 60);
    return "card " + std::to_string(static_cast<int>(reported_amount(card, "card"))) +
           (name.empty() ? "" : " " + name);
}

// Of a tool: "axcl-smi 3.6.2", with the firmware of its first card.
std::string driver_text(const admin_json& tool) {
    const std::string path = reported_text(tool, "tool", 200);
    std::string out = reported_text(tool, "driver", 40);
    for (const admin_json& card : reported_objects(tool, "cards")) {
        if (const std::string firmware = reported_text(card, "firmware", 40); !firmware.empty()) {
            out += (out.empty() ? "firmware " : ", firmware ") + firmware;
            break;
        }
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    return out.empty() || name == "sh" ? out : name + " " + out;
}

pid_t process_of(const admin_json& service) {
    return static_cast<pid_t>(reported_amount(service, "pid"));
}

void add_options(bench::server_facts& facts, pid_t runtime) {
    const std::vector<std::string> words = words_in(kernel_file(runtime, "cmdline"));
    facts.npu_cores = option_number(words, {"--num_npu_core", "--num-npu-core", "--num_npu_cores",
                                            "--num-npu-cores", "--npu_core_num", "--npu-cores"});
    facts.threads = option_number(words, {"--threads", "-t", "--num_threads", "--num-threads"});
    if (!facts.threads) {
        facts.threads = option_number(words_in(kernel_file(runtime, "environ")), {"OMP_NUM_THREADS"});
    }
    facts.cpu_mask = processors_of(runtime);
}

}  // namespace

bool is_of_this_machine(const admin_json& status) {
    const pid_t pid = process_of(status);
    return pid > 0 && kernel_file(pid, "comm") == "corral\n";
}

void add_box_facts(bench::server_facts& facts, const box_door& door, const admin_json& status) {
    std::string drivers;
    for (const admin_json& tool : reported_objects(status, "devices")) {
        if (const std::string one = driver_text(tool); !one.empty()) {
            drivers += (drivers.empty() ? "" : ", ") + one;
        }
    }
    facts.driver = facts.driver.empty() ? drivers : facts.driver;
    utsname about{};
    if (door.here && facts.kernel.empty() && ::uname(&about) == 0) {
        facts.kernel = static_cast<const char*>(about.release);
    }
    for (const admin_json& one : instances_of(status, door.model)) {
        // The last service of a set is its runtime.
        const std::vector<admin_json> services = reported_objects(one, "services");
        const pid_t runtime = services.empty() ? 0 : process_of(services.back());
        if (runtime <= 0 || facts.cpu_mask) {
            continue;
        }
        if (door.here) {
            add_options(facts, runtime);
        }
        const std::string lines = door.lines ? door.lines() : std::string();
        if (!facts.npu_cores) {
            facts.npu_cores = printed_number(lines, "npu_core_num: ");
        }
        if (!facts.threads) {
            facts.threads = printed_number(lines, "Enabled cpus num: ");
        }
        // RKLLM's tool reports no version, its library does.
        for (const auto& [name, words] : {std::pair{"rknpu ", "rknpu driver version: "},
                                          std::pair{"rkllm-runtime ", "rkllm-runtime version: "}}) {
            if (const std::string version = printed_word(lines, words); !version.empty()) {
                facts.driver += (facts.driver.empty() ? "" : ", ") + std::string(name) + version;
            }
        }
    }
}

box_watcher::~box_watcher() {
    if (thread_.joinable()) {
        static_cast<void>(end());
    }
}

void box_watcher::begin() {
    seen_ = {};
    over_ = false;
    last_look_s_ = 0;
    begun_ = std::chrono::steady_clock::now();
    thread_ = std::thread([this] { watch(); });
}

bench::box_watch box_watcher::end() {
    {
        const std::lock_guard lock(guard_);
        over_ = true;
    }
    ended_.notify_all();
    thread_.join();
    return std::move(seen_);
}

void box_watcher::watch() {
    constexpr core::seconds pause{1};
    bool last = false;
    while (!last) {
        look(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count());
        std::unique_lock lock(guard_);
        last = over_;
        ended_.wait_for(lock, pause, [this] { return over_; });
    }
}

void box_watcher::look(double at_s) {
    const core::result<admin_json> status = door_.status();
    if (!status) {
        return;
    }
    const std::vector<admin_json> instances = instances_of(*status, door_.model);
    take_cards(*status, cards_of(instances), at_s);
    last_look_s_ = at_s;
    for (const admin_json& one : instances) {
        for (const admin_json& service : reported_objects(one, "services")) {
            const std::string name = reported_text(service, "name", 60);
            if (door_.here && process_of(service) > 0) {
                take_service(instances.size() < 2 ? name : reported_text(one, "name", 60) + " " + name,
                             process_of(service), at_s);
            }
        }
    }
}

// An answer of the tool that is from before the test, or was taken already, is none of this moment.
void box_watcher::take_cards(const admin_json& status, const std::vector<int>& cards, double at_s) {
    using bench::figure;
    constexpr double rounding = 0.05;
    static constexpr std::array figures{std::pair{"temperature_c", figure::temperature},
                                        std::pair{"power_w", figure::power}};
    for (const admin_json& tool : reported_objects(status, "devices")) {
        if (reported_amount(tool, "age_seconds") > at_s - last_look_s_ + rounding || at_s <= rounding) {
            continue;
        }
        for (const admin_json& card : reported_objects(tool, "cards")) {
            const int number = static_cast<int>(reported_amount(card, "card"));
            if (!cards.empty() && std::ranges::find(cards, number) == cards.end()) {
                continue;
            }
            const std::string name = card_name(card);
            const auto add = [&](figure what, const std::optional<double>& value) {
                if (value) {
                    seen_.add(name, what, at_s, *value);
                }
            };
            const auto busiest = reported_number(card, "npu_most_percent");
            add(figure::load, busiest ? busiest : reported_number(card, "npu_percent"));
            const auto of_models = reported_number(card, "memory_used_mb");
            add(figure::memory, of_models ? of_models : reported_number(card, "system_memory_used_mb"));
            for (const auto& [key, what] : figures) {
                const auto value = reported_number(card, key);
                // A card that runs takes more than 0 W: its sensor reports nothing (docs/facts/other_runtimes.md#monitoring).
                add(what, what == figure::power && value == 0.0 ? std::nullopt : value);
            }
            const std::string health = reported_text(card, "health", 60);
            if (!health.empty() && health != "OK") {
                const std::string code = reported_text(card, "health_code", 60);
                seen_.add_health(name + ": " + health + (code.empty() ? "" : " (" + code + ")"));
            }
        }
    }
}

void box_watcher::take_service(const std::string& name, pid_t pid, double at_s) {
    constexpr double mebi = 1024.0 * 1024.0;
    constexpr double least_span_s = 0.1;  // a tick of the kernel's clock is 0.01 s
    service_meter& before = meters_[name];
    const core::steady_time now = std::chrono::steady_clock::now();
    const process::cpu_time used = before.meter.look({pid});
    const double span = std::chrono::duration<double>(now - before.at).count();
    seen_.add(name, bench::figure::resident, at_s, static_cast<double>(used.resident) / mebi);
    // What was used before the test is none of its.
    const bool of_this_test = before.at >= begun_;
    if (of_this_test && span < least_span_s) {
        return;
    }
    if (of_this_test) {
        seen_.add(name, bench::figure::cpu, at_s,
                  std::chrono::duration<double>(used.used - before.last.used).count() / span);
    }
    before.last = used;
    before.at = now;
}

}  // namespace corral::cli

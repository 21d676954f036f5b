#pragma once
// All about a vendor runtime that is data (vendor/<name>/profile.toml), and one model on this box. Validated
// whole when read, immutable after.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/traits.hpp"
#include "corral/core/time.hpp"

namespace corral::catalog {

enum class signal_target { leader, group };

// One step of a stop ladder: send `signal`, wait `grace` for the exit, else the next step.
struct stop_step {
    int signal = 0;
    signal_target target = signal_target::leader;
    core::milliseconds grace{0};
    bool operator==(const stop_step&) const = default;
};

struct exit_meaning {
    int status = 0;     // exit code, or 128 + signal
    std::string cause;  // a plain sentence
    std::string advice;
    bool at_start = false;  // it means that only before the service is ready
    std::string blames{};   // a service before this one, whose doing such an end may be; empty: none
    bool operator==(const exit_meaning&) const = default;
};

struct log_meaning {
    std::string pattern;  // plain text that the line contains
    std::string cause;
    std::string advice;
    bool fatal_at_start = false;  // ends a start that has not become ready
    bool fails_answer = false;    // the answer inside, or the one that has just ended, is a failure
    std::string blames{};         // as of an exit
    bool operator==(const log_meaning&) const = default;
};

struct probe_template {
    std::string method = "GET";
    std::string
        url;  // another place than the service's own that answers for it; placeholders; empty: its own
    std::string target = "/";
    unsigned status = 200;  // expected; 0: any whole answer will do
    core::milliseconds timeout{2000};
    bool operator==(const probe_template&) const = default;
};

// Between which values a clock that learns may move (supervisor/learned_clock.hpp). Where the clock's start
// lies outside, the start counts.
struct clock_bounds {
    core::milliseconds floor{0};
    core::milliseconds ceiling{0};
    bool operator==(const clock_bounds&) const = default;
};

// Asks a service that is ready, while nothing else goes on in it, whether it still answers.
struct liveness_rule {
    probe_template probe;
    core::milliseconds interval{0};  // 0: it is not asked
    unsigned failures = 2;           // in a row, before it counts as hung
    bool operator==(const liveness_rule&) const = default;
};

// When the first real answer of a start (the canary) is asked before clients are let in.
enum class canary_mode {
    always,
    after_restart,  // only when the process before it ended unwanted
    never,
};

// What is done about a service that would listen where other machines reach it. With all but off the
// portguard library is preloaded, and a port compiled into the program is moved to a private one.
enum class guard_mode {
    off,      // its bind() stays as it is; what it opens is reported all the same
    warn,     // if that had no effect, it is reported
    require,  // if that had no effect, the service is not used
};

// 0: no limit of its own.
struct service_limits {
    std::uint32_t memory_mb = 0;  // private memory, in MiB; mapped model files don't count
    std::uint32_t files = 0;      // open descriptors
    int nice = 0;                 // 0 to 19
    bool operator==(const service_limits&) const = default;
};

// What all processes of one model may use together; 0: no limit.
struct model_limits {
    std::uint32_t memory_mb = 0;  // in MiB, mapped files included as far as they are in memory
    std::uint32_t tasks = 0;      // processes and threads
    bool operator==(const model_limits&) const = default;
};

// What belongs to an accelerator on the side of its host, for those who look why it is not there. Empty or 0:
// nothing is known of it.
struct device_host {
    std::string pci;              // of the card on the bus, "1f4b:0650": vendor and device
    std::string module;           // of the kernel, which is its driver
    std::string node;             // the driver's device file
    std::string driver_advice;    // what brings the driver
    std::string log;              // where the vendor's own library writes
    std::string settings;         // the driver's settings, a JSON file ...
    std::string dma_key;          // ... that says under this key how large one DMA buffer is, in bytes
    std::uint32_t dma_kb = 0;     // how large it is else, in KiB
    std::uint32_t dma_count = 0;  // buffers of one process, all from the kernel's contiguous memory (CMA)
    unsigned hot = 0;             // degrees Celsius from which on it is reported; 0: never
    std::vector<log_meaning> kernel_lines;  // what the driver writes into the kernel's log
    // Chips, by the name that the status tool gives them, that this runtime does not compute on, and why.
    std::vector<log_meaning> unsuitable_chips;
    bool operator==(const device_host&) const = default;
};

// When what the accelerator shows during an answer is reported as trouble
// (docs/facts/other_runtimes.md#silent-cpu).
struct compute_rule {
    bool watch = true;                      // looked at while an answer is being made
    core::milliseconds interval{1000};      // between two looks
    core::milliseconds least_decode{6000};  // no verdict on a shorter piece of decode ...
    unsigned least_samples = 6;             // ... or with fewer looks
    double busy_cores = 0.8;                // of the runtime's processes, with the accelerator at zero
    unsigned low_percent = 35;              // a mean below is a hint that the host holds it up
    unsigned threads = 0;      // with which the runtime would compute on the host; 0: one for each processor
    std::string unit = "NPU";  // what the accelerator's own tool calls what computes, "AICore"
    bool operator==(const compute_rule&) const = default;
};

// How the accelerator is looked at: a status tool, and the format of what it prints (one of those that the
// device room knows).
struct device_template {
    std::string format;                              // empty: it is not looked at
    std::vector<std::string> command;                // {card} in it is the number below
    std::map<std::string, std::string> environment;  // added to the clean environment
    unsigned card = 0;                               // counted from 0
    core::milliseconds timeout{5000};                // of one call
    bool optional = true;                            // where the tool does not work all starts without it
    std::uint32_t memory_mb = 0;                     // what one process needs, in MiB; 0: learned
    core::milliseconds memory_wait{30'000};          // for the memory of an ended process to come back
    std::string advice;                              // what brings a card back
    std::vector<std::string> nodes;  // device files that services open; `*` and `?` in the last part
    compute_rule compute;
    device_host host;
    bool operator==(const device_template&) const = default;
};

// A JSON file that a service reads its settings from, made before each start: the profile's template with
// placeholders filled in as in a command, the values escaped as inside a JSON text. {<name>_file} stands for
// its path.
struct rendered_file {
    std::string name;  // "config"
    std::string json;  // the template
    bool operator==(const rendered_file&) const = default;
};

// One process of a runtime. Placeholders in command, environment, working_directory and url: {package},
// {port} (its own), {<service>_port} and {<service>_url} of every service ({tokenizer_url}), {vocabulary},
// and every key of the model's `variables`; expand_service() of placeholders.hpp puts the values in.
struct service_template {
    std::string name;  // "tokenizer", "runtime"
    std::vector<std::string> command;
    std::map<std::string, std::string> environment;  // added to the clean environment
    std::string working_directory;                   // default "{package}"
    std::string url;                                 // default "http://127.0.0.1:{port}"
    std::uint16_t port = 0;                          // 0: a free one is chosen
    std::vector<std::string> more_ports;  // of its own too, always chosen: "management" is {management_port}
    bool pty = false;
    bool device = false;  // it needs the accelerator: not started before that has been looked at
    guard_mode guard = guard_mode::warn;
    std::filesystem::path guard_library;  // empty: the one that came with Corral
    service_limits limits;
    std::vector<rendered_file> rendered;
    probe_template probe;
    core::milliseconds start_stall{120'000};  // no sign of progress for this long ends a start
    core::milliseconds start_limit{600'000};  // a start as a whole
    clock_bounds start_stall_bounds{core::milliseconds{45'000}, core::milliseconds{600'000}};
    clock_bounds start_limit_bounds{core::milliseconds{180'000}, core::milliseconds{3'600'000}};
    liveness_rule liveness;
    canary_mode canary = canary_mode::always;
    std::vector<stop_step> stop_loading;
    std::vector<stop_step> stop_ready;
    std::vector<exit_meaning> exits;
    std::vector<log_meaning> lines;
    std::vector<std::string> routine;  // a line with one of these texts is counted, and not kept
    bool operator==(const service_template&) const = default;
};

// Clocks of the engine. Those with bounds are only where learning starts; the others stay as they are.
struct engine_clocks {
    core::milliseconds call{10'000};           // one control call of the vendor protocol
    core::milliseconds reset{60'000};          // reset accepted to confirmed idle
    core::milliseconds prefill_base{60'000};   // generate accepted to first text ...
    core::milliseconds prefill_per_token{40};  // ... and this much more per prompt token
    core::milliseconds decode_stall{30'000};   // last piece too old
    core::milliseconds idle_grace{2'000};      // done:true for this long, without other evidence, is idle
    core::milliseconds scrub{15'000};          // cancel + drain + reset, then the runtime is restarted
    core::milliseconds renew_after{
        1'800'000};  // slower than itself for so long, a runtime is renewed while idle
    core::milliseconds compare_after{10'000};  // idle for this long, the box compares its cache
    clock_bounds call_bounds{core::milliseconds{6'000}, core::milliseconds{60'000}};
    clock_bounds reset_bounds{core::milliseconds{10'000}, core::milliseconds{180'000}};
    clock_bounds prefill_bounds{core::milliseconds{10'000}, core::milliseconds{300'000}};
    clock_bounds decode_bounds{core::milliseconds{5'000}, core::milliseconds{120'000}};
    bool operator==(const engine_clocks&) const = default;
};

struct restart_rule {
    core::milliseconds first_backoff{500};
    core::milliseconds max_backoff{60'000};
    unsigned intensity = 5;                        // restarts ...
    core::milliseconds intensity_window{120'000};  // ... in this time open the breaker
    core::milliseconds healthy_after{60'000};      // ready this long forgets the past
    core::milliseconds breaker_retry{300'000};     // a broken service is tried again after this
    bool operator==(const restart_rule&) const = default;
};

// What the value of a variable stands for, so that it can be looked at before a start.
enum class variable_kind {
    text,            // nothing outside
    program,         // an executable for this machine
    python_script,   // run by the Python that a model's command names
    file,            // data
    numbered_files,  // data; the value holds one %d, which counts from 0
};

// A placeholder that a model fills in through its `variables`. Files are relative to the package.
struct variable_spec {
    std::string name;
    std::string about;                    // what to write there
    std::optional<std::string> fallback;  // nothing: a model whose commands use it must give it
    variable_kind kind = variable_kind::text;
    std::string count;               // of numbered_files: the variable that says how many
    std::vector<std::string> bytes;  // of a file: its size is the product of these, numbers or variables
                                     // ({vocabulary} is "vocabulary"); empty: not known
    std::uint64_t least_bytes = 0;   // of each file; less is no whole one
    bool on_device = false;          // the accelerator's memory takes it
    std::vector<std::string> holds;  // of a script: words that must be in its text
    std::string holds_beside;        // only where this is in it; empty: always
    std::string holds_why;           // what it is without them, a sentence
    // Of a script: a word in its text, and the Python module that it needs then without importing it.
    std::map<std::string, std::string> modules;
    bool operator==(const variable_spec&) const = default;
};

// A file of the package that the runtime reads by a fixed name.
struct runtime_file {
    std::string path;                    // relative to the package
    std::vector<std::string> json_keys;  // that must be in it; it is JSON then
    bool optional = true;                // it runs without; what is there must be right all the same
    std::string missing;                 // what follows where it is not there, a sentence
    std::string broken;                  // what follows where it can't be read
    bool operator==(const runtime_file&) const = default;
};

struct profile {
    std::string name;
    std::string dialect;  // "ax-poll"
    bool tokenizer_tap = true;
    runtime_traits traits;
    std::vector<variable_spec> variables;
    std::vector<runtime_file> files;
    std::vector<service_template> services;  // in start order
    engine_clocks clocks;
    restart_rule restart;
    model_limits limits;
    device_template device;
    core::milliseconds poll_interval{250};  // the safety net's slowest poll
    bool operator==(const profile&) const = default;
};

// Context sizes in tokens, in the words of docs/facts/vendor_ax.md#context. Zero: learned from the runtime's
// log.
struct context_sizes {
    std::uint32_t positions = 0;     // T, max_token_len
    std::uint32_t prompt_limit = 0;  // M, prefill_max_token_num
    std::uint32_t chunk = 0;         // C, prefill_token_num
    std::uint32_t vocabulary = 0;    // bounds top-k
    bool operator==(const context_sizes&) const = default;
};

struct sampling_defaults {
    double temperature = 0.8;
    std::int64_t top_k = 40;
    double top_p = 0.9;
    double repeat_penalty = 1.0;
    bool operator==(const sampling_defaults&) const = default;
};

// The cards that one process set of a model runs on, counted from 0; {devices} is "0" or "0,1".
using card_set = std::vector<unsigned>;

// What becomes of a prompt that is longer than the context (docs/long_prompts.md).
enum class oversize_policy { fit, refuse, summarise };

// Whether a prompt may be put behind what the runtime's cache holds.
enum class reuse_policy { off, automatic };

// How the earlier answers of a conversation are written (docs/polled_cycle.md#history).
enum class history_form { by_package, as_written, by_template };

// "FILE:LINE" of each variable that a file says. A model whose lines have moved is the same model.
struct variable_places : std::map<std::string, std::string> {
    bool operator==(const variable_places&) const noexcept { return true; }
};

// A model that this box serves.
struct model_entry {
    std::string name;                      // display form with tag: "qwen3:4b"
    std::vector<std::string> aliases;      // more names of it, in display form
    std::filesystem::path source;          // the file that says all this
    std::vector<card_set> card_sets{{0}};  // where it may run
    unsigned instances = 1;                // at most so many process sets at once, each on a set of its own
    card_set cards{0};                     // of this process set: one of those
    // What serves in its place while nothing before it can, in order. Each has the name of this model, no
    // fallbacks of its own, and its place in the order as `tier`, from 1.
    std::vector<model_entry> fallbacks;
    unsigned tier = 0;
    // How long a tier must have been ready without a break before requests come back to it.
    core::milliseconds failback_after{30'000};
    bool preload = true;    // loaded when Corral starts, where there is room
    bool pinned = false;    // never unloaded to make room, nor by its keep-alive
    bool preflight = true;  // looked at before each start of a service, as 'corral doctor' does
    std::optional<core::nanoseconds> keep_alive;  // else the configuration's; negative: for ever
    profile runtime;                              // resolved, the config's overrides applied
    std::filesystem::path package;
    std::filesystem::path files_folder;            // for rendered files; empty: there is no place for them
    std::map<std::string, std::string> variables;  // the profile's fallbacks included
    variable_places said_at;
    std::string family = "chatml";
    std::string default_system;
    std::vector<std::string> capabilities{"completion"};
    bool package_forbids_thinking = false;
    history_form history = history_form::by_package;
    oversize_policy oversize = oversize_policy::fit;
    bool moves_lines = false;  // lines of a system prompt that change between requests go behind the rest
    reuse_policy reuse = reuse_policy::automatic;
    bool ahead = true;               // the beginning of a next prompt may be computed while idle
    double ahead_share = 0.25;       // ... if others wait for at most this share of what it saves
    bool renews_slow = true;         // a runtime that has become slower than itself is renewed while idle
    bool reuse_across_keys = false;  // ... and what a request of another key has left there
    bool strict_schemas = false;     // a format's schema that can't be checked whole is refused
    context_sizes context;
    sampling_defaults sampling;
    std::string parameter_size;      // "4.0B"
    std::string quantization;        // "w8a16"
    std::uint64_t size_bytes = 0;    // of the package's files
    std::uint64_t device_bytes = 0;  // of those that the accelerator's memory takes; 0: not known
    std::string digest;              // 64 hex digits
    std::chrono::system_clock::time_point modified;
    bool operator==(const model_entry&) const = default;
};

// The model has that capability.
[[nodiscard]] inline bool can(const model_entry& model, std::string_view what) noexcept {
    return std::find(model.capabilities.begin(), model.capabilities.end(), what) != model.capabilities.end();
}

}  // namespace corral::catalog

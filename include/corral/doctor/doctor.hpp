#pragma once
// Examines a box and the models on it: one small check for each thing that can be wrong, each with what it
// is, why it matters and what to do. `corral doctor` runs all of them; those that concern a start run before
// each start too (engine/preflight_gate), so a start fails with the doctor's words.
//
// A check looks at what an `examination` holds and at files below its root; it starts nothing, changes
// nothing, and its work is bounded. It blocks on the disk, so it is run off the loop. One that is not sure
// says `warning`, never `error`.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/profile.hpp"
#include "corral/core/result.hpp"
#include "corral/core/time.hpp"
#include "corral/device/reader.hpp"
#include "corral/package/machine.hpp"
#include "corral/process/child.hpp"
#include "corral/process/listener_owner.hpp"

namespace corral::doctor {

// One service as it would be started.
struct service_view {
    catalog::service_template rules;
    process::spawn_spec command;      // with its whole environment
    std::uint16_t port = 0;           // where it is to listen; 0: one is chosen at its start
    std::uint16_t compiled_port = 0;  // in the program, in place of which the guard gives it another; 0: none
};

struct model_view {
    catalog::model_entry entry;
    std::vector<service_view> services;  // in start order; empty: its templates can't be expanded
};

// The model with every service, ports that are chosen at a start left out. Fails with a sentence where a
// template can't be expanded.
[[nodiscard]] core::result<model_view> view_of(const catalog::model_entry& model);

// What a status tool said, and what it was asked for.
struct device_view {
    catalog::device_template said;
    unsigned card = 0;
    device::device_look look;
    std::vector<std::string> models;  // that need this card
};

// How a model stands in the running Corral.
struct served_model {
    std::string name;
    std::string state;  // "ready", "loading", "broken", "unloaded" ...
    std::string reason;
    std::string advice;
    std::string warning;
    bool refused_by_check = false;  // its start, by what a check found
    bool starts_again = false;      // after a start that failed, or an end that nobody asked for
};

struct daemon_view {
    pid_t pid = 0;
    std::string version;
    std::vector<served_model> models;
    std::vector<std::string> closed{};  // why all clients are refused
    std::string in_place{};             // what is served instead of the configuration, which has a mistake
    std::vector<std::string> in_place_problems{};  // the mistakes
    std::vector<std::string> left_out{};           // the mistakes of manifests that it does not serve
};

// What the configuration says of the box.
struct configuration_view {
    std::filesystem::path file;
    bool there = false;
    std::vector<catalog::diagnostic> errors;
    std::vector<catalog::diagnostic> warnings;
    std::vector<catalog::diagnostic> left_out;  // manifests that can't be served; the others are
    bool known = false;                         // the following, by a file without errors or by the defaults
    std::string address;                        // to listen on
    std::uint16_t port = 0;
    bool beyond_loopback = false;
    bool needs_key = false;
    std::filesystem::path state_directory;  // empty: there is none
};

struct surroundings {
    std::filesystem::path root = "/";  // /proc, /sys, /dev and /etc are read below it
    package::machine machine;
    std::function<std::vector<process::listening_socket>(std::uint16_t port)> listeners;
    std::function<bool(pid_t)> is_ours;  // belongs to the running Corral, or to the one that asks
    // By some Corral of this machine, also one that can't be asked: no left-over.
    std::function<bool(pid_t)> is_kept = [](pid_t) { return false; };
    std::function<bool(pid_t)> lives;
    std::chrono::system_clock::time_point now;
    uid_t user = 0;                                                         // who asks
    std::uint64_t most_descriptors = 0;                                     // the hard limit
    std::function<std::uint64_t(const std::filesystem::path&)> free_bytes;  // of its file system
};

// This box. `daemon`: the running Corral, 0 when none is known.
[[nodiscard]] surroundings these_surroundings(pid_t daemon);

struct examination {
    surroundings around;
    std::vector<model_view> models;
    // Of every model, and of the profiles that came with Corral, so that a box without models is examined
    // too.
    std::vector<catalog::device_template> accelerators;
    std::vector<device_view> devices;
    std::optional<configuration_view> configuration;
    std::optional<daemon_view> daemon;    // nothing: none runs, or it can't be asked
    std::string daemon_problem;           // why one that seems to run could not be asked; may be empty
    bool daemon_of_another_user = false;  // that is why
};

// What a check can find. The texts are for people; a finding may say more exactly what to do.
struct finding_kind {
    std::string_view id;      // "port.taken"; with ".*" for a family whose members come from elsewhere
    catalog::severity level;  // the worst of it
    std::string_view about;
    std::string_view why;
    std::string_view fix;
};

// What a check has to do with a start.
enum class start_part {
    none,
    files,   // run before each start, and what it finds stays true as long as no file changes
    moment,  // run before each start
};

struct check {
    std::string_view id;
    std::string_view about;
    start_part before_start = start_part::none;
    std::span<const finding_kind> gives;
    void (*run)(const examination& box, std::vector<catalog::finding>& out) = nullptr;
};

// In the order in which they run. A new one is a file in src/doctor/checks and one line in the list.
[[nodiscard]] std::span<const check* const> checks();

// All checks; worst first, else in the order of the checks. A check that throws is a finding of its own.
[[nodiscard]] std::vector<catalog::finding> examine(const examination& box);

// Those of one part of a start: `box` holds the one model with the one service that is to be started.
[[nodiscard]] std::vector<catalog::finding> examine_before_start(const examination& box, start_part part);

}  // namespace corral::doctor

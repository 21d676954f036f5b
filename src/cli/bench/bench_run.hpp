#pragma once
// Looks at the box while a test runs: what the status of its Corral knows of cards, and what the kernel knows of the
// services where they run on this machine.

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "corral/bench/box_watch.hpp"
#include "corral/bench/measurement.hpp"
#include "corral/bench/prompt_set.hpp"
#include "corral/bench/trial.hpp"
#include "corral/control/admin_json.hpp"
#include "corral/core/result.hpp"
#include "corral/process/footprint.hpp"

namespace corral::cli {

// How the box of a server is looked at.
struct box_door {
    std::function<core::result<control::admin_json>()> status;  // blocks, for 3 s at most
    // Lines that the services of the model have printed, the oldest first; none where they may not be read. Blocks.
    std::function<std::string()> lines;
    bool here = false;  // its processes are of this machine
    std::string model;
};

// Whether a status is of a Corral of this machine, behind no tunnel from another: its process is one here.
[[nodiscard]] bool is_of_this_machine(const control::admin_json& status);

// Versions of drivers and kernel, and the options of the runtime: cores of the NPU, processors, threads. What it finds
// by itself replaces nothing that is there.
void add_box_facts(bench::server_facts& facts, const box_door& door, const control::admin_json& status);

class box_watcher {
public:
    explicit box_watcher(box_door door) : door_(std::move(door)) {}
    box_watcher(const box_watcher&) = delete;
    box_watcher& operator=(const box_watcher&) = delete;
    ~box_watcher();

    // Looks once a second, on a thread of its own, until end(). REQUIRES: not begun.
    void begin();
    // What was seen since; with a last look.
    [[nodiscard]] bench::box_watch end();
    [[nodiscard]] const box_door& door() const noexcept { return door_; }

private:
    struct service_meter {
        process::cpu_meter meter;
        process::cpu_time last;
        core::steady_time at;
    };
    void watch();
    void look(double at_s);
    void take_cards(const control::admin_json& status, const std::vector<int>& cards, double at_s);
    void take_service(const std::string& name, pid_t pid, double at_s);

    box_door door_;
    std::thread thread_;
    std::mutex guard_;
    std::condition_variable ended_;
    bool over_ = false;
    core::steady_time begun_;
    double last_look_s_ = 0;
    bench::box_watch seen_;
    std::map<std::string, service_meter> meters_;
};

// Runs a set of prompts against a server, and keeps what is known on disk after each test.

// One server, and what is found there.
struct bench_side {
    bench::trial_target target;
    bench::run_record record;              // with what is known before, as learn_server() has it
    std::filesystem::path out;             // exists
    bool by_itself = false;                // the model's runtime without Corral
    std::shared_ptr<box_watcher> watcher;  // null: the box is not looked at, and the record says why
};

class own_runtime;

struct bench_plan {
    bench_side side;
    std::optional<bench_side> other;  // measured in turn with it, test by test, as its baseline
    bench::prompt_set set;
    unsigned repeat = 1;
    bool beside = false;  // `other` is what Corral is measured beside, and has its table
    // `other` is the model's runtime without Corral, started for this; null: it is there already.
    std::shared_ptr<own_runtime> own;
    std::filesystem::path history_file;       // of all runs of this user; empty: nowhere
    std::optional<bench::run_record> before;  // of an earlier run, to compare with; not beside `other`
    // After each test and each warm-up; `next` is the title of the next, empty at the end.
    std::function<void(const bench::run_record&, const std::string& next)> progress;
};

// Until the last test, or SIGINT or SIGTERM, which leave a report of what is there. Of two servers each has
// its turn at every test, now one and now the other first, so that neither always finds the box warm. Fails
// when the server takes no key or has no such model, or when the report can't be written.
struct bench_records {
    bench::run_record own;
    std::optional<bench::run_record> other;  // of a plan with one
};

[[nodiscard]] core::result<bench_records> run_bench(bench_plan plan);

// `text` as the whole of `file`: written aside, synced and renamed, so that there is never half of it.
[[nodiscard]] core::result<void> write_whole(const std::filesystem::path& file, const std::string& text);

// What a server to be measured reports of itself and of the model.

// Fills in version, facts and sampling of the record, and the model where none was said: the first that is loaded,
// else the first that there is. Blocks, at most 10 s a question. Fails when no server answers (the system's code, or
// protocol: no Ollama server), for a key that is missing or not taken, and for a model that is not there, with those
// that are.
[[nodiscard]] core::result<void> learn_server(bench_side& side);

// Of a server of OpenAI's kind: whether it answers, and, where none was said, what it calls the model: `like` where it
// lists that, else its only one. Blocks and fails likewise.
[[nodiscard]] core::result<void> learn_openai(bench_side& side, const std::string& like);

// Of the model, by the server's list of what is loaded; nothing where it doesn't tell.
[[nodiscard]] core::awaitable<std::optional<double>> loaded_mb(const bench_side& side);

}  // namespace corral::cli

#pragma once
// The simulator's two programs under a real group, and the dialect over them.

#include <unistd.h>
#include <csignal>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "corral/core/random_source.hpp"
#include "corral/engine/dialect.hpp"
#include "process/terminals.hpp"
#include "run_until.hpp"

namespace corral::engine {

using core::milliseconds;
using core::seconds;
using nlohmann::json;

inline constexpr std::chrono::seconds patience{60};

// One for the test program, forked before any loop or thread of it exists.
inline process::warden& the_warden() {
    static auto* const started = new core::result<process::warden>(process::warden::start());
    return started->value();
}

inline std::string run_program(const std::string& command) {
    std::string out;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        return out;
    }
    std::array<char, 4096> buffer{};
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        out.append(buffer.data(), n);
    }
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return out;
}

// Collects a run's text and can do something when a piece comes.
class text_sink final : public run_sink {
public:
    void on_text(std::string_view piece, const run_progress& now) override {
        text += piece;
        ++pieces;
        last = now;
        if (on_piece) {
            on_piece();
        }
    }
    std::string text;
    int pieces = 0;
    run_progress last;
    std::function<void()> on_piece;
};

struct told {
    run_outcome outcome;
    std::string text;
    int ends = 0;  // calls of on_end
    [[nodiscard]] std::string cause() const { return outcome.failure ? name_of(*outcome.failure) : ""; }
};

// What the directive [[n=...]] makes the simulator say.
inline std::string words(int count) {
    static const std::array<const char*, 10> names{" one", " two",   " three", " four", " five",
                                                   " six", " seven", " eight", " nine", " ten"};
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += names[static_cast<std::size_t>(i % 10)];
    }
    return out;
}

class simulated : public ::testing::Test {
protected:
    simulated() : guard(the_warden()) {
        char name[] = "/tmp/corral_engine_XXXXXX";
        folder = ::mkdtemp(name);
        scenario = {{"directives", true},
                    {"timing", {{"load_ms", 40}, {"prefill_ms_per_chunk", 4}, {"tokens_per_second", 400}}}};
        entry.name = "sim:latest";
        entry.package = folder + "/package";
        entry.runtime.name = "simulator";
        entry.runtime.dialect = "ax-poll";
        entry.runtime.restart.first_backoff = milliseconds{20};
        entry.runtime.restart.max_backoff = milliseconds{200};
        entry.runtime.restart.intensity = 50;
        entry.runtime.clocks.idle_grace = milliseconds{800};
        entry.runtime.clocks.scrub = seconds{8};
        entry.runtime.clocks.compare_after = std::chrono::hours{1};  // never, unless a test wants it
        entry.ahead = false;                                         // nor is anything computed ahead
        entry.renews_slow = false;  // nor watched for longer than it is asked
        context.on = io.get_executor();
        context.clock = &clock;
        context.random = &random;
        context.guard = &guard;
        context.tasks = &tasks;
    }
    ~simulated() override {
        if (made) {
            EXPECT_EQ(run(made->stop(core::deadline::after(seconds{10}, clock.now()))), true);
        }
        EXPECT_TRUE(run_until([this] { return tasks.size() == 0; }, seconds{10})) << "tasks never ended";
        made.reset();
        io.restart();
        io.poll();
        std::error_code ignored_on_teardown;
        std::filesystem::remove_all(folder, ignored_on_teardown);
        EXPECT_EQ(task_errors, "");
    }

    void SetUp() override {
        if (!entry.runtime.tokenizer_tap) {
            skip_without_terminals();
        }
    }
    // A runtime of this dialect needs one where it has no tap.
    static void skip_without_terminals() {
        if (!process::has_terminals()) {
            GTEST_SKIP() << "this system has no pseudo terminals";
        }
    }

    // Loads the simulator's package with these extra options and starts the services.
    void start(const std::string& package_options = "") {
        make(package_options);
        made->start();
        ASSERT_EQ(wait_ready(), "");
        // Its lines are read beside the probe, and later on a busy machine.
        ASSERT_TRUE(run_until([this] { return made->facts().context_length > 0; })) << "it prints its sizes";
    }
    void make(const std::string& package_options = "") {
        const std::string flags =
            run_program(CORRAL_SIM " package " + entry.package.string() + " --layers 2 " + package_options);
        std::ofstream(folder + "/scenario.json") << scenario.dump();
        catalog::service_template tokenizer = service("tokenizer");
        tokenizer.command = {CORRAL_SIM, "tokenizer", "--host", "127.0.0.1", "--port", "{port}"};
        tokenizer.probe.target = "/bos_id?uid=corral-probe";
        catalog::service_template runtime = service("runtime");
        runtime.command = {CORRAL_SIM, "runtime", "--devices", "0"};
        std::istringstream words(flags);
        for (std::string word; words >> word;) {
            runtime.command.push_back(word);
        }
        runtime.command.insert(runtime.command.end(), {"--url_tokenizer_model", "{tokenizer_url}"});
        runtime.pty = true;
        runtime.probe.method = "OPTIONS";
        runtime.environment["CORRAL_SIM_PORT"] = "{port}";
        runtime.exits = exits;
        entry.runtime.services = {tokenizer, runtime};
        const dialect_descriptor* dialect = find_dialect("ax-poll");
        ASSERT_NE(dialect, nullptr);
        auto built = dialect->make(context, entry);
        ASSERT_TRUE(built) << built.error().message;
        made = std::move(built.value());
    }

    catalog::service_template service(const std::string& name) const {
        catalog::service_template out;
        out.name = name;
        out.working_directory = "{package}";
        out.url = "http://127.0.0.1:{port}";
        out.environment = {{"CORRAL_SIM_BIND", "127.0.0.1"},
                           {"CORRAL_SIM_SCENARIO", folder + "/scenario.json"},
                           {"CORRAL_SIM_CONTROL", folder + "/" + name + ".sock"}};
        out.start_stall_bounds.floor = start_stall;
        out.stop_loading = {{SIGKILL, catalog::signal_target::group, milliseconds{5000}}};
        out.stop_ready = {{SIGINT, catalog::signal_target::leader, milliseconds{2000}},
                          {SIGKILL, catalog::signal_target::group, milliseconds{5000}}};
        return out;
    }

    template <typename Condition>
    bool run_until(Condition condition, std::chrono::steady_clock::duration limit = patience) {
        return corral::run_until(io, condition, limit);
    }
    template <typename T>
    std::optional<T> run(core::awaitable<T> what) {
        auto answer = std::make_shared<std::optional<T>>();
        tasks.spawn("test", keep_answer(std::move(what), answer));
        run_until([&answer] { return answer->has_value(); });
        return *answer;
    }
    template <typename T>
    static core::awaitable<void> keep_answer(core::awaitable<T> what,
                                             std::shared_ptr<std::optional<T>> answer) {
        *answer = co_await std::move(what);
    }

    // "" when ready, else the reason.
    std::string wait_ready() {
        const auto got = run(made->services().wait_ready(core::deadline::after(patience, clock.now())));
        if (!got) {
            return "wait_ready did not return";
        }
        if (*got) {
            return "";
        }
        std::string why = got->error().message;
        for (const char* service : {"tokenizer", "runtime"}) {
            for (const std::string& line : made->services().recent_lines(service)) {
                why += "\n" + line;
            }
        }
        return why;
    }

    [[nodiscard]] run_spec request(const std::string& turns, const std::string& system = "Be brief.") const {
        run_spec out;
        out.id = "test";
        out.prompt.system = system;
        out.prompt.turns = turns;
        out.until = core::deadline::after(patience, clock.now());
        return out;
    }
    // `cancel_after`: from the moment of the call.
    told ask(run_spec what, text_sink& sink, run_control& control) {
        auto out = std::make_shared<told>();
        auto done = std::make_shared<bool>(false);
        tasks.spawn("run", perform(made.get(), std::move(what), &sink, &control, out, done));
        EXPECT_TRUE(run_until([&done] { return *done; })) << "the run never ended";
        out->text = sink.text;
        EXPECT_EQ(out->ends, 1);
        EXPECT_EQ(out->outcome.end == run_end::failed, out->outcome.failure.has_value());
        return *out;
    }
    told ask(run_spec what) {
        text_sink sink;
        run_control control(context.on);
        return ask(std::move(what), sink, control);
    }
    told ask(const std::string& turns) { return ask(request(turns)); }
    static core::awaitable<void> perform(backend* on, run_spec what, text_sink* sink, run_control* control,
                                         std::shared_ptr<told> out, std::shared_ptr<bool> done) {
        std::function<void(const run_outcome&)> on_end = [out](const run_outcome&) { ++out->ends; };
        out->outcome = co_await on->run(std::move(what), *sink, *control, std::move(on_end));
        *done = true;
    }

    json control_of(const std::string& service, const json& command) const {
        namespace local = boost::asio::local;
        boost::asio::io_context own;
        local::stream_protocol::socket socket(own);
        socket.connect(local::stream_protocol::endpoint(folder + "/" + service + ".sock"));
        boost::asio::write(socket, boost::asio::buffer(command.dump() + "\n"));
        boost::asio::streambuf line;
        boost::asio::read_until(socket, line, '\n');
        std::istream in(&line);
        std::string text;
        std::getline(in, text);
        const json answer = json::parse(text);
        EXPECT_TRUE(answer.value("ok", false)) << command << " -> " << text;
        return answer;
    }
    void fault(const std::string& service, const std::string& name, const json& on,
               const json& args = json::object()) {
        (void)control_of(service, {{"cmd", "fault"}, {"name", name}, {"on", on}, {"args", args}});
    }
    void set(const json& keys) {
        json command = keys;
        command["cmd"] = "set";
        (void)control_of("runtime", command);
    }
    json state() { return control_of("runtime", {{"cmd", "state"}}); }
    json last_run() {
        const json all = control_of("runtime", {{"cmd", "runs"}, {"since", 0}})["runs"];
        return all.empty() ? json::object() : all.back();
    }
    // Nothing runs and nothing waits for a poll.
    void expect_clean() {
        const json now = state();
        EXPECT_FALSE(now["running"].get<bool>());
        EXPECT_EQ(now["queue_bytes"], 0);
        // The thread of a call that was answered may still be on its way back.
        EXPECT_TRUE(run_until([this] { return state()["queued_jobs"] == 0; }));
    }
    void expect_right(int count = 7) {
        const told next = ask("[[n=" + std::to_string(count) + "]]");
        EXPECT_EQ(next.cause(), "");
        EXPECT_EQ(next.text, words(count));
        expect_clean();
    }
    supervisor::service_status status(std::size_t index) { return made->services().status().at(index); }
    pid_t runtime_pid() { return status(1).pid; }
    pid_t tokenizer_pid() { return status(0).pid; }

    std::vector<catalog::exit_meaning> exits;  // of the runtime
    milliseconds start_stall{45'000};
    process::warden& guard;
    boost::asio::io_context io;
    core::steady_clock_source clock;
    core::seeded_random random{1};
    std::string task_errors;
    core::task_group tasks{io.get_executor(), [this](const std::string& task, const std::string& what) {
                               task_errors += task + ": " + what + "\n";
                           }};
    supervisor::supervisor_context context;
    std::string folder;
    json scenario;
    catalog::model_entry entry;
    std::unique_ptr<backend> made;
};

}  // namespace corral::engine

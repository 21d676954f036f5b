#include <algorithm>
#include <array>
#include <ctime>
#include <iostream>
#include <memory>
#include <sstream>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/bench_run.hpp"
#include "cli/command.hpp"
#include "cli/server_address.hpp"
#include "cli/terminal.hpp"
#include "corral/bench/report.hpp"
#include "corral/bench/statistics.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr int interrupted_status = 130;

struct bench_options {
    std::string url;
    std::string model;
    std::string out;
    std::string set = "corral";
    std::string hardware;
    std::string compare;
    std::string compare_model;
    std::string compare_key_file;
    std::string key_file;
    unsigned warm_up = 1;
    unsigned repeat = 1;
    double silence = 60;
    double first_byte = 120;
    unsigned max_tokens = 0;
    std::optional<bool> think;
    bool json = false;
};

core::failure unusable(const std::string& why) {
    return core::make_failure(core::errc::invalid, why);
}

core::result<fs::path> set_file(const std::string& name) {
    if (name.find('/') != std::string::npos || name.ends_with(".toml")) {
        return fs::path(name);
    }
    std::vector<fs::path> folders{"/usr/local/share/corral/bench", "/usr/share/corral/bench"};
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error) {
        folders.insert(folders.begin(), program.parent_path().parent_path() / "share/corral/bench");
    }
    for (const fs::path& folder : folders) {
        if (fs::is_regular_file(folder / (name + ".toml"), error)) {
            return folder / (name + ".toml");
        }
    }
    return unusable("there is no set '" + name + "': say rk3588, corral, or a file that ends in .toml");
}

core::result<bench::prompt_set> read_set(const bench_options& asked) {
    const core::result<fs::path> file = set_file(asked.set);
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
        test.max_tokens = asked.max_tokens > 0 ? asked.max_tokens : test.max_tokens;
        test.think = asked.think ? asked.think : test.think;
    }
    return set;
}

// Names are looked up before the loop runs: Ctrl-C ends that at once. `option`: which of them it is.
core::result<bench::trial_target> target_of(const bench_options& asked, const std::string& option,
                                            const std::string& address) {
    const core::result<server_address> server = find_server(option, address);
    if (!server) {
        return server.error();
    }
    bench::trial_target out;
    out.at = server->at;
    out.host = server->host;
    out.model = asked.model;
    out.silence = std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(asked.silence));
    out.first_byte =
        std::chrono::duration_cast<core::nanoseconds>(std::chrono::duration<double>(asked.first_byte));
    return out;
}

std::string now_text(const char* format) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::array<char, 64> out{};
    return {out.data(), std::strftime(out.data(), out.size(), format, &parts)};
}

core::result<fs::path> out_folder(const bench_options& asked) {
    std::string name = asked.out;
    if (name.empty()) {
        name = "bench-" + asked.model + now_text("-%Y%m%d-%H%M%S");
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c == '/' || c == ':'; }, '-');
    }
    std::error_code error;
    fs::create_directories(name, error);
    if (error) {
        return core::failure{core::error_code(error.value(), boost::system::system_category()),
                             "the folder '" + name + "' can't be made: " + error.message()};
    }
    return fs::path(name);
}

// What is known of a side before it is measured.
bench::run_record begun(const bench_options& asked, const bench::prompt_set& set, const std::string& url,
                        const std::string& model) {
    bench::run_record out;
    out.model = model;
    out.url = url;
    out.hardware = asked.hardware;
    out.set = set.name;
    out.warm_up = asked.warm_up;
    out.generated = now_text("%Y-%m-%d %H:%M:%S");
    out.planned = asked.repeat * static_cast<unsigned>(set.tests.size());
    return out;
}

bool is_address(const std::string& text) {
    return text.find("://") != std::string::npos;
}

core::result<void> read_before(const bench_options& asked, bench_plan& plan) {
    const fs::path file = fs::path(asked.compare) / "results.json";
    const core::result<std::string> text = read_bounded(file, 64 * 1024 * 1024);
    if (!text) {
        return text.error();
    }
    const core::result<bench::run_record> before = bench::read_results(*text, file.string());
    if (!before) {
        return before.error();
    }
    const bool common = std::ranges::any_of(before->results, [&](const auto& one) {
        return std::ranges::any_of(plan.set.tests, [&](const auto& test) { return test.id == one.test.id; });
    });
    if (!common) {
        return unusable("the run in '" + asked.compare + "' (set '" + before->set +
                        "') has no test in common with the set '" + plan.set.name + "'");
    }
    plan.before = *before;
    return {};
}

core::result<void> add_other(const bench_options& asked, bench_plan& plan) {
    const core::result<bench::trial_target> target = target_of(asked, "--compare", asked.compare);
    const core::result<std::string> key = key_in(asked.compare_key_file);
    if (!target || !key) {
        return target ? key.error() : target.error();
    }
    bench_side other;
    other.target = *target;
    other.target.key = *key;
    other.target.model = asked.compare_model.empty() ? asked.model : asked.compare_model;
    other.record = begun(asked, plan.set, asked.compare, other.target.model);
    plan.other = std::move(other);
    return {};
}

core::result<bench_plan> plan_of(const bench_options& asked) {
    bench_plan plan;
    const core::result<bench::trial_target> target = target_of(asked, "--url", asked.url);
    const core::result<bench::prompt_set> set = read_set(asked);
    const core::result<std::string> key = key_in(asked.key_file);
    if (!target || !set || !key) {
        return !target ? target.error() : !set ? set.error() : key.error();
    }
    plan.set = *set;
    plan.side.target = *target;
    plan.side.target.key = *key;
    plan.side.record = begun(asked, plan.set, asked.url, asked.model);
    plan.repeat = asked.repeat;
    if (!asked.compare.empty()) {
        const core::result<void> ready =
            is_address(asked.compare) ? add_other(asked, plan) : read_before(asked, plan);
        if (!ready) {
            return ready.error();
        }
    }
    const core::result<fs::path> out = out_folder(asked);
    if (!out) {
        return out.error();
    }
    plan.side.out = *out;
    if (plan.other) {
        std::error_code error;
        plan.other->out = *out / "compared";
        fs::create_directories(plan.other->out, error);
        if (error) {
            return unusable("the folder '" + plan.other->out.string() +
                            "' can't be made: " + error.message());
        }
    }
    return plan;
}

std::string result_line(const bench::run_record& run) {
    const bench::test_result& last = run.results.back();
    std::ostringstream out;
    out.setf(std::ios::fixed);
    out.precision(2);
    out << run.results.size() << "/" << run.planned << " " << last.test.id << ": ";
    if (last.seen.how == bench::ending::success) {
        const auto speed = bench::decode_speed(last.seen);
        out << "success, " << last.seen.total_s << " s";
        if (speed) {
            out << ", " << *speed << " tok/s";
        }
    } else {
        out << last.seen.reason << " after " << last.seen.total_s << " s";
    }
    return out.str() + "\n";
}

std::string bar(const bench::run_record& run, const std::string& next) {
    constexpr std::size_t width = 30;
    const std::size_t full = run.planned == 0 ? 0 : width * run.results.size() / run.planned;
    return "[" + std::string(full, '#') + std::string(width - full, '.') + "] " +
           std::to_string(run.results.size()) + "/" + std::to_string(run.planned) + " " + next + "\n";
}

int run(const bench_options& asked, const command_context& context) {
    core::result<bench_plan> plan = plan_of(asked);
    if (!plan) {
        std::cerr << "error: " << plan.error().message << '\n';
        return bad_configuration;
    }
    const text_style style = style_of(STDERR_FILENO, context.environment);
    live_lines lines(STDERR_FILENO, style);
    std::size_t told = 0;
    plan->progress = [&](const bench::run_record& so_far, const std::string& next) {
        lines.clear();
        if (so_far.results.size() > told) {
            told = so_far.results.size();
            std::cerr << result_line(so_far);
        }
        if (!next.empty()) {
            lines.draw(cut_to(bar(so_far, next), style.columns));
        }
    };
    const fs::path out = plan->side.out;
    const core::result<bench::run_record> done = run_bench(std::move(*plan));
    lines.clear();
    if (!done) {
        return fail(done.error().message);
    }
    if (asked.json) {
        std::cout << bench::json_report(*done);
    } else {
        std::cout << (out / "report.md").string() << '\n';
    }
    if (done->interrupted) {
        return interrupted_status;
    }
    return bench::total_up(*done).successes == done->planned ? succeeded : failed;
}

}  // namespace

void add_bench_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<bench_options>();
    CLI::App* one = program.add_subcommand(
        "bench",
        "Measure a model of any Ollama server by a set of prompts and write a report. Status 0: every test "
        "succeeded; 1: one failed, or nobody answers; 2: wrong options or files; 130: interrupted");
    one->add_option("--url", asked->url, "The server, http://HOST:PORT")->required();
    one->add_option("--model", asked->model, "The model's name there")->required();
    one->add_option("--out", asked->out, "The folder of the report; else one is made here")->type_name("DIR");
    one->add_option("--set", asked->set, "The prompts: rk3588, corral, or a TOML file")
        ->type_name("FILE")
        ->capture_default_str();
    one->add_option("--hardware", asked->hardware, "What the report says of the box");
    one->add_option("--warm-up", asked->warm_up, "Requests before, which don't count")
        ->check(CLI::Range(0, 100))
        ->capture_default_str();
    one->add_option("--repeat", asked->repeat, "So many times the whole set")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    one->add_option("--silence", asked->silence, "Seconds without output that end a test")
        ->check(CLI::Range(0.1, 86400.0))
        ->capture_default_str();
    one->add_option("--first-byte", asked->first_byte, "Seconds until the first output that end a test")
        ->check(CLI::Range(0.1, 86400.0))
        ->capture_default_str();
    one->add_option("--max-tokens", asked->max_tokens, "Most output of each test, instead of the set's")
        ->check(CLI::Range(1, 1000000));
    one->add_flag("--think,!--no-think", asked->think, "Ask every test with thinking, or without");
    CLI::Option* const compare = one->add_option(
        "--compare", asked->compare,
        "The folder of an earlier run, or the address of another server, which is measured in turn with the "
        "first; writes comparison.md");
    compare->type_name("DIR");
    one->add_option("--compare-model", asked->compare_model, "The model's name at the other server")
        ->needs(compare);
    one->add_option("--compare-key-file", asked->compare_key_file,
                    "A file whose first line is the key of the other server")
        ->needs(compare)
        ->type_name("FILE");
    one->add_option("--key-file", asked->key_file, "A file whose first line is the key of the server")
        ->type_name("FILE");
    one->add_flag("--json", asked->json, "The results on standard output, as JSON");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return run(*asked, context); }; });
}

}  // namespace corral::cli

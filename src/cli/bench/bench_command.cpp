#include <iostream>
#include <memory>
#include <sstream>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/remote_server.hpp"
#include "cli/base/terminal.hpp"
#include "cli/bench/bench_here.hpp"
#include "cli/bench/bench_plan.hpp"
#include "cli/bench/bench_reuse.hpp"
#include "corral/bench/report.hpp"
#include "corral/bench/statistics.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

constexpr int interrupted_status = 130;

std::string result_line(const bench::run_record& run, std::size_t number) {
    const bench::test_result& last = run.results[number];
    std::ostringstream out;
    out.setf(std::ios::fixed);
    out.precision(2);
    out << number + 1 << "/" << run.planned << " " << last.test.id << ": ";
    if (last.seen.how == bench::ending::unable) {
        out << last.seen.reason;
    } else if (last.seen.how == bench::ending::success) {
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

void print_summary(const bench::run_record& record, const fs::path& folder, const command_context& context) {
    const text_style style = style_of(STDOUT_FILENO, context.environment);
    std::cout << bench::summary(record, style.columns) << "report: " << (folder / "report.html").string()
              << '\n';
}

bool whole(const bench::reuse_record& run, unsigned turns) {
    return run.rows.size() == turns && std::ranges::all_of(run.rows, [](const bench::reuse_row& row) {
               return row.with.failure.empty() && row.without.failure.empty();
           });
}

core::result<void> keep(const bench::reuse_record& run, const fs::path& folder) {
    const core::result<void> written = write_whole(folder / "reuse.json", bench::json_report(run));
    return written ? write_whole(folder / "reuse.txt", bench::table_report(run)) : written;
}

// A word that no earlier run had: the time of day.
std::string word_of(const std::string& generated) {
    std::string out;
    std::ranges::copy_if(generated, std::back_inserter(out), [](char c) { return c >= '0' && c <= '9'; });
    constexpr std::size_t digits = 6;
    return out.substr(out.size() - std::min(digits, out.size()));
}

int run_conversation(const bench_options& options, const bench_plan& of, const command_context& context) {
    constexpr unsigned usual_tokens = 64;
    const text_style style = style_of(STDERR_FILENO, context.environment);
    live_lines lines(STDERR_FILENO, style);
    reuse_plan plan;
    plan.target = of.side.target;
    plan.record.model = of.side.target.model;
    plan.record.url = of.side.record.url;
    plan.record.hardware = of.side.record.hardware;
    plan.record.generated = of.side.record.generated;
    plan.record.server = of.side.record.server;
    plan.record.max_tokens = options.max_tokens > 0 ? options.max_tokens : usual_tokens;
    plan.run = word_of(plan.record.generated);
    plan.turns = options.turns;
    plan.progress = [&lines, &style](const std::string& next) {
        lines.clear();
        if (!next.empty()) {
            lines.draw(wrapped(next + "\n", style));
        }
    };
    const bench::reuse_record done = run_reuse(std::move(plan));
    lines.clear();
    std::cout << (options.json ? bench::json_report(done) : bench::table_report(done));
    if (const core::result<void> kept = keep(done, of.side.out); !kept) {
        return fail(kept.error().message);
    }
    if (done.interrupted) {
        return interrupted_status;
    }
    return whole(done, options.turns) ? succeeded : failed;
}

// Of `model`, or of all.
int show_history(const bench_options& options, const command_context& context) {
    const fs::path file = history_file(context.environment);
    core::result<std::vector<bench::kept_run>> runs = kept_runs(file);
    if (!runs) {
        return fail(runs.error().message);
    }
    std::erase_if(*runs, [&](const bench::kept_run& one) {
        return !options.model.empty() && one.model != options.model && one.model != options.model + ":latest";
    });
    if (options.json) {
        std::cout << bench::history_json(*runs);
        return succeeded;
    }
    if (runs->empty()) {
        std::cout << "no run"
                  << (options.model.empty() ? "" : " of '" + telemetry::printable(options.model) + "'")
                  << " is kept yet\n";
        return succeeded;
    }
    std::cout << bench::history_text(*runs, style_of(STDOUT_FILENO, context.environment).columns);
    return succeeded;
}

// Of a run that is over.
void print_beside(const fs::path& folder) {
    const core::result<std::string> table = read_bounded(folder / "beside.md", 1024 * 1024);
    std::cout << '\n' << (table ? *table : table.error().message.text() + "\n");
}

int run(const bench_options& options, const command_context& context) {
    if (options.history) {
        return show_history(options, context);
    }
    core::result<bench_plan> plan = plan_of(options, context);
    if (!plan) {
        const bool words = plan.error().code == core::make_error_code(core::errc::invalid);
        const int status = fail(telemetry::printable(plan.error().message, 4000));
        return words ? static_cast<int>(bad_configuration) : status;
    }
    if (options.reuse) {
        return run_conversation(options, *plan, context);
    }
    const text_style style = style_of(STDERR_FILENO, context.environment);
    live_lines lines(STDERR_FILENO, style);
    std::size_t printed = 0;
    plan->progress = [&](const bench::run_record& so_far, const std::string& next) {
        lines.clear();
        for (; printed < so_far.results.size(); ++printed) {
            std::cerr << wrapped(result_line(so_far, printed), style);
        }
        if (!next.empty()) {
            lines.draw(wrapped(bar(so_far, next), style));
        }
    };
    const fs::path out = plan->side.out;
    const bool beside = plan->beside;
    const fs::path kept = plan->history_file;
    const core::result<bench_records> both = run_bench(std::move(*plan));
    lines.clear();
    if (!both) {
        return fail(both.error().message);
    }
    const bench::run_record* const done = &both->own;
    if (options.json) {
        std::cout << bench::json_report(*done, beside && both->other ? &*both->other : nullptr);
    } else {
        print_summary(*done, out, context);
        if (beside) {
            print_beside(out);
        }
    }
    if (done->interrupted) {
        return interrupted_status;
    }
    if (const core::result<void> written = kept.empty() ? core::result<void>{} : keep_run(kept, *done);
        !written) {
        std::cerr << "note: this run is not among those of 'corral bench --history': "
                  << telemetry::printable(written.error().message, 4000) << '\n';
    }
    const bench::totals all = bench::total_up(*done);
    return all.successes + all.unable == done->planned && all.successes > 0 ? succeeded : failed;
}

}  // namespace

void add_bench_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<bench_options>();
    CLI::App* one = program.add_subcommand(
        "bench", "Benchmark a model on any Ollama server with a set of prompts, and write a report");
    one->footer(
        "Exit status: 0 every test passed or is beyond the model; 1 a test failed, or no server answered; 2 "
        "wrong options or files; 130 interrupted.");
    one->add_option("model,--model", asked->model,
                    "Model; default: the first loaded one, else the first listed")
        ->type_name("MODEL");
    one->add_option("--url", asked->url,
                    "Server, http://HOST:PORT or https://HOST:PORT; default: the Corral on this machine")
        ->type_name("URL");
    one->add_option("--config", asked->config, "Configuration of that Corral, to find its address")
        ->type_name("FILE");
    one->add_option("--ca-file", asked->ca_file,
                    "CA certificates (PEM) to trust instead of the system's; may be the server's own")
        ->type_name("FILE");
    one->add_option("--out", asked->out, "Folder for the report; default: a new one here")->type_name("DIR");
    one->add_option("--set", asked->set, "Prompt set: corral, rk3588, lengths, or a TOML file")
        ->type_name("FILE")
        ->capture_default_str();
    one->add_option("--hardware", asked->hardware, "Hardware description for the report")->type_name("WORDS");
    one->add_option("--warm-up", asked->warm_up, "Uncounted warm-up requests; 0 to 100")
        ->check(CLI::Range(0, 100).description(""))
        ->type_name("N")
        ->capture_default_str();
    one->add_option("--repeat", asked->repeat, "Number of runs of the whole set; 1 to 100")
        ->check(CLI::Range(1, 100).description(""))
        ->type_name("N")
        ->capture_default_str();
    one->add_option("--concurrency", asked->concurrency, "Concurrent clients per test; 1 to 256")
        ->check(CLI::Range(1, 256).description(""))
        ->type_name("N")
        ->capture_default_str();
    one->add_option("--silence", asked->silence, "Abort a test after this many seconds without output")
        ->check(CLI::Range(0.1, 86400.0).description(""))
        ->type_name("SECONDS")
        ->capture_default_str();
    one->add_option("--first-byte", asked->first_byte,
                    "Abort a test if no output comes within this many seconds")
        ->check(CLI::Range(0.1, 86400.0).description(""))
        ->type_name("SECONDS")
        ->capture_default_str();
    one->add_option("--max-tokens", asked->max_tokens, "Output limit per test, overriding the set's")
        ->check(CLI::Range(1, 1000000).description(""))
        ->type_name("N");
    CLI::Option* const think =
        one->add_flag("--think,!--no-think", asked->think, "Run every test with or without thinking");
    CLI::Option* const compare = one->add_option("--compare", asked->compare,
                                                 "Compare with the folder of an earlier run, or with another "
                                                 "server (URL), measured alternately; writes comparison.md");
    compare->type_name("DIR");
    CLI::Option* const beside = one->add_option(
        "--beside", asked->beside,
        "Show what Corral costs or saves: send the same prompts directly to the model's runtime, started "
        "without Corral and alternating with it, or to an OpenAI-compatible server (URL); writes beside.md. "
        "This machine's Corral does not serve the model meanwhile");
    beside->type_name("URL")->expected(0, 1)->excludes(compare);
    CLI::Option* const other_model =
        one->add_option("--compare-model", asked->compare_model, "The model's name on the other server");
    other_model->type_name("MODEL");
    CLI::Option* const other_key = one->add_option("--compare-key-file", asked->compare_key_file,
                                                   "File whose first line is the other server's API key");
    other_key->type_name("FILE");
    one->add_option("--key-file", asked->key_file,
                    "File whose first line is the server's API key; default: OLLAMA_API_KEY")
        ->type_name("FILE");
    one->add_flag("--json", asked->json, "Print the results as JSON");
    CLI::Option* const reuse = one->add_flag(
        "--reuse", asked->reuse,
        "Measure cache reuse in one conversation instead: TTFT of each turn continuing what the server "
        "holds, and of the same prompt with a different beginning; writes reuse.txt and reuse.json");
    reuse->excludes(compare)->excludes(beside);
    CLI::Option* const history = one->add_flag(
        "--history", asked->history, "Show past runs: speed over time, and what changed in between");
    history->excludes(compare)->excludes(reuse)->excludes(beside);
    one->add_option("--turns", asked->turns, "Turns of that conversation; 1 to 10")
        ->check(CLI::Range(1, 10).description(""))
        ->type_name("N")
        ->capture_default_str()
        ->needs(reuse);
    one->parse_complete_callback([asked, think, beside, compare, other_model, other_key, &context] {
        if (think->count() == 0) {
            asked->think.reset();  // CLI11 sets a flag that was not given to false
        }
        asked->is_beside = beside->count() > 0;
        if (asked->beside.find("://") == std::string::npos && asked->model.empty()) {
            asked->model = std::exchange(asked->beside, {});  // "bench --beside MODEL"
        }
        const bool of_other = other_model->count() + other_key->count() > 0;
        if (of_other && compare->count() == 0 && asked->beside.empty()) {
            throw CLI::RequiresError(other_model->count() > 0 ? "--compare-model" : "--compare-key-file",
                                     "--compare or --beside URL");
        }
        context.run = [asked, &context] { return run(*asked, context); };
    });
}

}  // namespace corral::cli

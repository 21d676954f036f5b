#include "cli/bench/bench_run.hpp"

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include <unistd.h>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "cli/bench/bench_beside.hpp"
#include "corral/bench/report.hpp"
#include "corral/bench/verdict.hpp"
#include "corral/core/files.hpp"
#include "corral/core/say.hpp"
#include "corral/core/task_group.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;

double since(core::steady_time begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// "card 0 310B4", of a box whose status tool had not been asked before the run.
std::string cards_in(const bench::box_watch& seen) {
    std::string out;
    for (const bench::track& one : seen.tracks) {
        if (one.what() == bench::figure::load) {
            out += (out.empty() ? "" : ", ") + one.of();
        }
    }
    return out;
}

class bench_runner {
public:
    explicit bench_runner(bench_plan plan) : plan_(std::move(plan)), stop_(loop_, SIGINT, SIGTERM) {
        sides_.push_back(&plan_.side);
        if (plan_.other) {
            sides_.push_back(&*plan_.other);
        }
    }

    core::result<bench_records> run() {
        stop_.async_wait([this](core::error_code error, int) {
            if (!error) {
                for (bench_side* const side : sides_) {
                    side->record.interrupted = true;
                }
                clients_.cancel();
                if (plan_.own) {
                    plan_.own->give_up();
                }
            }
        });
        std::exception_ptr thrown;
        core::asio::co_spawn(loop_, whole(), [&](std::exception_ptr error) {
            thrown = std::move(error);
            stop_.cancel();
            if (plan_.own) {
                loop_.stop();  // its supervisor goes on for as long as it lives
            }
        });
        loop_.run();
        plan_.own.reset();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        if (failed_) {
            return *failed_;
        }
        bench_records out{plan_.side.record, std::nullopt};
        if (plan_.other) {
            out.other = plan_.other->record;
        }
        return out;
    }

private:
    [[nodiscard]] bool is_over() const { return failed_ || plan_.side.record.interrupted; }

    core::awaitable<void> whole() {
        begin_ = std::chrono::steady_clock::now();
        if (plan_.own) {
            co_await by_loads();
        } else {
            co_await by_tests();
        }
        if (plan_.beside && !is_over()) {
            judge_other();
        }
        if (plan_.own) {
            tell("unloading");
            auto leaving = plan_.own->leave();
            co_await std::move(leaving);
        }
        if (!failed_) {
            keep();
            tell("");
        }
    }

    // Without an answer beside Corral's there is nothing to compare.
    void judge_other() {
        const auto& all = plan_.other->record.results;
        if (!all.empty() && std::ranges::none_of(all, [](const bench::test_result& one) {
                return one.seen.how == bench::ending::success;
            })) {
            failed_ = core::make_failure(core::errc::unavailable,
                                         core::say("command.bench-beside/no-answer", plan_.other->record.url,
                                                   all.front().seen.reason));
        }
    }

    // Only one of the two can be loaded, so a side has all tests of a repetition, and begins the next one.
    core::awaitable<void> by_loads() {
        const bench_side* loaded = nullptr;
        for (unsigned repetition = 1; repetition <= plan_.repeat; ++repetition) {
            std::vector<bench_side*> turns = sides_;
            if (repetition % 2 == 0) {
                std::ranges::reverse(turns);
            }
            for (bench_side* const side : turns) {
                if (!is_over() && side != loaded) {
                    tell("loading" + whose(*side));
                    auto entering = plan_.own->enter(*side);
                    const core::result<void> ready = co_await std::move(entering);
                    loaded = side;
                    if (!ready && !is_over()) {
                        failed_ = ready.error();
                    }
                    std::vector<bench_side*> alone(1, side);
                    co_await warm_up(std::move(alone));
                }
                for (const bench::prompt_test& test : plan_.set.tests) {
                    if (!is_over()) {
                        tell(test.title + whose(*side));
                        co_await one_round(*side, test, repetition);
                    }
                }
            }
        }
    }

    core::awaitable<void> by_tests() {
        co_await warm_up(sides_);
        unsigned number = 0;
        for (unsigned repetition = 1; repetition <= plan_.repeat; ++repetition) {
            for (const bench::prompt_test& test : plan_.set.tests) {
                std::vector<bench_side*> turns = sides_;
                if (++number % 2 == 0) {
                    std::ranges::reverse(turns);
                }
                for (bench_side* const side : turns) {
                    if (is_over()) {
                        break;
                    }
                    tell(test.title + whose(*side));
                    co_await one_round(*side, test, repetition);
                }
            }
        }
    }

    core::awaitable<void> warm_up(std::vector<bench_side*> sides) {
        const bench::prompt_test& first = plan_.set.tests.front();
        for (unsigned i = 0; i < plan_.side.record.warm_up; ++i) {
            for (bench_side* const side : sides) {
                if (is_over()) {
                    co_return;
                }
                tell("warm-up: " + first.title + whose(*side));
                clients_.spawn("warm-up", warm(*side, first));
                co_await clients_over();
            }
        }
    }

    [[nodiscard]] std::string whose(const bench_side& side) const {
        return sides_.size() < 2 ? "" : " at " + side.record.url;
    }

    void tell(const std::string& next) { plan_.progress(plan_.side.record, next); }

    // Of all clients at once.
    core::awaitable<void> one_round(bench_side& side, const bench::prompt_test& test, unsigned repetition) {
        const std::size_t before = side.record.results.size();
        const bool asked = bench::why_unable(test, side.record.facts.capabilities).empty();
        if (side.watcher && asked) {
            side.watcher->begin();
        }
        for (unsigned client = 1; client <= side.record.concurrency; ++client) {
            bench::test_result fresh;
            fresh.test = test;
            fresh.repetition = repetition;
            fresh.client = client;
            fresh.began_s = since(begin_);
            clients_.spawn(test.id, one_test(side, std::move(fresh)));
        }
        co_await clients_over();
        side.record.duration_s = since(begin_);
        if (side.watcher && asked) {
            take_watch(side, before);
        }
        keep();
    }

    // The clients of a round share the box. The options of its runtime are known once that runs.
    void take_watch(bench_side& side, std::size_t first_result) {
        bench::box_watch seen = side.watcher->end();
        if (side.record.hardware.empty()) {
            side.record.hardware = cards_in(seen);
        }
        if (first_result < side.record.results.size()) {
            side.record.results[first_result].seen.box = std::move(seen);
        }
        const box_door& door = side.watcher->door();
        if (side.record.facts.driver.empty() || !side.record.facts.cpu_mask) {
            if (const core::result<control::admin_json> status = door.status()) {
                add_box_facts(side.record.facts, door, *status);
            }
        }
    }

    // Interrupted, they come back at once with what they have.
    core::awaitable<void> clients_over() {
        [[maybe_unused]] const bool ended = co_await clients_.wait_empty();
    }

    core::awaitable<void> warm(const bench_side& side, bench::prompt_test test) {
        co_await core::asio::this_coro::throw_if_cancelled(false);
        const bench::measurement seen = co_await bench::try_once(side.target, std::move(test));
        stop_for_good(side, seen);
    }

    core::awaitable<void> one_test(bench_side& side, bench::test_result result) {
        // A cancelled test is a result like any other.
        co_await core::asio::this_coro::throw_if_cancelled(false);
        const std::string unable = bench::why_unable(result.test, side.record.facts.capabilities);
        if (!unable.empty()) {
            result.seen.how = bench::ending::unable;
            result.seen.reason = unable;
        } else {
            result.seen = co_await bench::try_once(side.target, result.test);
        }
        if (result.seen.how == bench::ending::success && side.target.how == bench::asking::ollama) {
            result.seen.memory_mb = co_await loaded_mb(side);
        }
        stop_for_good(side, result.seen);
        side.record.results.push_back(std::move(result));
    }

    // One word for what would be said by every test: the key is not taken, or the model is not there.
    void stop_for_good(const bench_side& side, const bench::measurement& seen) {
        if (!failed_ && (seen.refused == 401 || seen.refused == 403 || seen.refused == 404)) {
            failed_ = core::make_failure(
                core::errc::refused, core::say("command.bench-test/refused", side.record.url, seen.reason));
        }
    }

    void keep() {
        std::vector<std::pair<fs::path, std::string>> files;
        const bench::run_record* const baseline = plan_.other    ? &plan_.other->record
                                                  : plan_.before ? &*plan_.before
                                                                 : nullptr;
        for (const bench_side* const side : sides_) {
            files.emplace_back(side->out / "results.json", bench::json_report(side->record));
            files.emplace_back(side->out / "report.html", bench::html_report(side->record));
            files.emplace_back(side->out / "report.md", bench::markdown_report(side->record));
        }
        if (plan_.beside && baseline != nullptr) {
            files.emplace_back(plan_.side.out / "beside.md",
                               bench::beside_report(*baseline, plan_.side.record));
        } else if (baseline != nullptr) {
            files.emplace_back(plan_.side.out / "comparison.md",
                               bench::markdown_comparison(*baseline, plan_.side.record));
        }
        for (const auto& [file, text] : files) {
            const core::result<void> written = write_whole(file, text);
            if (!written) {
                failed_ = written.error();
                return;
            }
        }
    }

    core::asio::io_context loop_{1};
    core::task_group clients_{loop_.get_executor(), [this](const std::string& task, const std::string& what) {
                                  failed_ = core::make_failure(core::errc::internal,
                                                               core::reason::unlisted(task + ": " + what));
                              }};
    bench_plan plan_;
    std::vector<bench_side*> sides_;
    core::asio::signal_set stop_;
    core::steady_time begin_;
    std::optional<core::failure> failed_;
};

}  // namespace

core::result<bench_records> run_bench(bench_plan plan) {
    return bench_runner(std::move(plan)).run();
}

core::result<void> write_whole(const std::filesystem::path& file, const std::string& text) {
    core::private_file with;
    with.text = text;
    with.mode = 0644;
    with.owner = ::geteuid();
    with.group = ::getegid();
    return core::replace_private_file(file, with);
}

}  // namespace corral::cli

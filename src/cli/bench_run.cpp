#include "cli/bench_run.hpp"

#include <algorithm>
#include <csignal>
#include <sstream>

#include <unistd.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <nlohmann/json.hpp>

#include "corral/bench/report.hpp"
#include "corral/core/json_members.hpp"
#include "corral/core/private_file.hpp"
#include "corral/http/client.hpp"

namespace corral::cli {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;

constexpr core::seconds side_question_limit{10};

double since(core::steady_time begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class bench_runner {
public:
    explicit bench_runner(bench_plan plan) : plan_(std::move(plan)), stop_(loop_, SIGINT, SIGTERM) {
        sides_.push_back(&plan_.side);
        if (plan_.other) {
            sides_.push_back(&*plan_.other);
        }
    }

    core::result<bench::run_record> run() {
        stop_.async_wait([this](core::error_code error, int) {
            if (!error) {
                for (bench_side* const side : sides_) {
                    side->record.interrupted = true;
                }
                cancel_.emit(core::asio::cancellation_type::terminal);
            }
        });
        std::exception_ptr thrown;
        core::asio::co_spawn(
            loop_, whole(), core::asio::bind_cancellation_slot(cancel_.slot(), [&](std::exception_ptr error) {
                thrown = std::move(error);
                stop_.cancel();
            }));
        loop_.run();
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        if (failed_) {
            return *failed_;
        }
        return plan_.side.record;
    }

private:
    [[nodiscard]] bool is_over() const { return failed_ || plan_.side.record.interrupted; }

    core::awaitable<void> whole() {
        // A cancelled test comes back as a result like any other.
        co_await core::asio::this_coro::throw_if_cancelled(false);
        for (bench_side* const side : sides_) {
            const core::result<json> version = co_await ask(*side, "GET", "/api/version", "");
            if (!version) {
                failed_ = version.error();
                co_return;
            }
            side->record.server = core::text_at(*version, "version");
            co_await learn_sampling(*side);
        }
        begin_ = std::chrono::steady_clock::now();
        co_await warm_up();
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
                    co_await one_test(*side, test, repetition);
                }
            }
        }
        if (!failed_) {
            keep();
            tell("");
        }
    }

    core::awaitable<void> warm_up() {
        const bench::prompt_test& first = plan_.set.tests.front();
        for (unsigned i = 0; i < plan_.side.record.warm_up; ++i) {
            for (bench_side* const side : sides_) {
                if (is_over()) {
                    co_return;
                }
                tell("warm-up: " + first.title + whose(*side));
                const bench::measurement ignored = co_await bench::try_once(side->target, first);
            }
        }
    }

    [[nodiscard]] std::string whose(const bench_side& side) const {
        return sides_.size() < 2 ? "" : " at " + side.record.url;
    }

    void tell(const std::string& next) { plan_.progress(plan_.side.record, next); }

    core::awaitable<void> one_test(bench_side& side, const bench::prompt_test& test, unsigned repetition) {
        bench::test_result result;
        result.test = test;
        result.repetition = repetition;
        result.seen = co_await bench::try_once(side.target, test);
        if (result.seen.how == bench::ending::success) {
            result.seen.memory_mb = co_await memory_mb(side);
        }
        side.record.results.push_back(std::move(result));
        side.record.duration_s = since(begin_);
        keep();
    }

    core::awaitable<core::result<json>> ask(const bench_side& side, std::string method, std::string target,
                                            std::string body) {
        http::client_call what;
        what.to = side.target.at;
        what.method = std::move(method);
        what.target = std::move(target);
        what.body = std::move(body);
        what.content_type = "application/json";
        what.until = core::deadline::after(side_question_limit, std::chrono::steady_clock::now());
        const std::string name = what.method + " " + what.target;
        const core::result<http::client_reply> reply = co_await http::call(std::move(what));
        if (!reply) {
            co_return reply.error();
        }
        constexpr int deepest = 32;
        json read = json::parse(
            reply->body, [](int depth, json::parse_event_t, json&) { return depth <= deepest; }, false);
        if (reply->status != 200 || !read.is_object()) {
            co_return core::make_failure(core::errc::protocol, name + " of " + side.record.url + ": status " +
                                                                   std::to_string(reply->status) +
                                                                   "; is that an Ollama server?");
        }
        co_return read;
    }

    // Where the server doesn't tell, nothing is known, and the report says so.
    core::awaitable<void> learn_sampling(bench_side& side) {
        const std::string body =
            json{{"model", side.target.model}}.dump(-1, ' ', false, json::error_handler_t::replace);
        const core::result<json> shown = co_await ask(side, "POST", "/api/show", body);
        if (!shown) {
            co_return;
        }
        std::istringstream lines(core::text_at(*shown, "parameters"));
        std::string line;
        while (std::getline(lines, line) && side.record.sampling.size() < 100) {
            std::istringstream words(line);
            std::string name;
            double value = 0;
            if (words >> name >> value) {
                side.record.sampling.emplace_back(name, value);
            }
        }
    }

    core::awaitable<std::optional<double>> memory_mb(const bench_side& side) {
        const core::result<json> loaded = co_await ask(side, "GET", "/api/ps", "");
        if (!loaded) {
            co_return std::nullopt;
        }
        const std::string& model = side.target.model;
        for (const json& one : core::list_at(*loaded, "models")) {
            const std::string name = core::text_at(one, "name");
            if (name != model && name != model + ":latest") {
                continue;
            }
            for (const char* const key : {"size_vram", "size"}) {
                const double size = core::number_at<double>(one, key).value_or(0);
                if (size > 0) {
                    co_return size / (1024.0 * 1024.0);
                }
            }
        }
        co_return std::nullopt;
    }

    void keep() {
        std::vector<std::pair<fs::path, std::string>> files;
        for (const bench_side* const side : sides_) {
            files.emplace_back(side->out / "results.json", bench::json_report(side->record));
            files.emplace_back(side->out / "results.csv", bench::csv_report(side->record));
            files.emplace_back(side->out / "report.md", bench::markdown_report(side->record));
        }
        const bench::run_record* const baseline = plan_.other    ? &plan_.other->record
                                                  : plan_.before ? &*plan_.before
                                                                 : nullptr;
        if (baseline != nullptr) {
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
    bench_plan plan_;
    std::vector<bench_side*> sides_;
    core::asio::signal_set stop_;
    core::asio::cancellation_signal cancel_;
    core::steady_time begin_;
    std::optional<core::failure> failed_;
};

}  // namespace

core::result<bench::run_record> run_bench(bench_plan plan) {
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

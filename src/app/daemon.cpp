#include "daemon.hpp"

#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>

#include "corral/engine/dialect.hpp"
#include "corral/telemetry/log.hpp"
#include "service_notify.hpp"

namespace corral::app {

namespace {

constexpr core::seconds housekeeping_period{5};
constexpr core::seconds credentials_period{2};
// Answers are cut after the grace, so what remains is connections that write their last bytes.
constexpr core::seconds connection_end{2};
// Beyond the longest stop ladder of any shipped profile.
constexpr core::seconds services_end{60};

core::task_group::error_sink log_escaped(const char* group) {
    return [group](const std::string& task, const std::string& what) {
        telemetry::log().error("{} task '{}' ended by an exception: {}", group, task, what);
    };
}

bool has_terminal() {
    const int handle = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (handle < 0) {
        return false;
    }
    ::close(handle);
    return true;
}

std::string url_of(const boost::asio::ip::tcp::endpoint& where, bool tls) {
    const std::string address = where.address().to_string();
    const std::string host = where.address().is_v6() ? "[" + address + "]" : address;
    return fmt::format("{}://{}:{}", tls ? "https" : "http", host, where.port());
}

// Of the configuration, where negative is forever, for the scheduler.
core::nanoseconds forever_if_negative(core::nanoseconds span) {
    return span < core::nanoseconds{0} ? core::nanoseconds::max() : span;
}

}  // namespace

daemon::daemon(boost::asio::io_context& loop, const configuration& settings, process::warden& guard)
    : loop_(loop),
      settings_(settings),
      service_tasks_(loop.get_executor(), log_escaped("service")),
      run_tasks_(loop.get_executor(), log_escaped("generation")),
      devices_({loop.get_executor(), &clock_, &guard}),
      supervision_{loop.get_executor(),  &clock_,  &random_, &guard, &service_tasks_,
                   settings.log_content, &devices_},
      credentials_(settings),
      signals_(loop, SIGINT, SIGTERM),
      signalled_(loop.get_executor()),
      credentials_asked_(loop.get_executor()),
      hang_up_stops_(has_terminal()) {
    // Under nohup the end of the terminal is not ours.
    struct sigaction hang_up {};
    if (::sigaction(SIGHUP, nullptr, &hang_up) != 0 || hang_up.sa_handler != SIG_IGN) {
        signals_.add(SIGHUP);
    }
}

daemon::~daemon() = default;

core::result<void> daemon::open() {
    if (auto read = credentials_.load(); !read) {
        return read;
    }
    scheduler_ = std::make_unique<scheduler::scheduler>(
        loop_.get_executor(), clock_,
        scheduler::scheduler_options{settings_.max_queue, forever_if_negative(settings_.keep_alive)});
    std::vector<api::served_model> served;
    for (const catalog::model_entry& model : settings_.models) {
        const engine::dialect_descriptor* dialect = engine::find_dialect(model.runtime.dialect);
        if (dialect == nullptr) {
            return core::make_failure(core::errc::invalid,
                                      fmt::format("model {}: profile {} names the unknown dialect '{}'",
                                                  model.name, model.runtime.name, model.runtime.dialect));
        }
        auto made = dialect->make(supervision_, model);
        if (!made) {
            return made.error();
        }
        backends_.push_back(std::move(*made));
        scheduler_->add(*backends_.back());
        served.push_back({&backends_.back()->model(), backends_.back().get()});
    }
    models_ = std::make_unique<api::model_directory>(std::move(served));
    open_variants();
    api::generation_options generation;
    generation.request_deadline = settings_.request_deadline;
    generations_ = std::make_unique<api::generation_service>(run_tasks_, clock_, random_, *scheduler_,
                                                             *models_, generation);
    api::api_context context;
    context.generations = generations_.get();
    context.models = models_.get();
    context.variants = variants_.get();
    context.admission = scheduler_.get();
    context.clock = &clock_;
    context.random = &random_;
    context.loopback_only = settings_.listen.address().is_loopback();
    context.keys = credentials_.keys();
    context.silence = settings_.silence;
    server_ = std::make_unique<http::server>(
        loop_.get_executor(), settings_.http, api::make_api(context),
        [](const std::string& what) { telemetry::log().error("a request handler failed: {}", what); });
    server_->refuse_with([this](std::string_view path, unsigned status, std::string_view text) {
        return api::format_of(path).refuse(status, text, random_);
    });
    if (credentials_.tls()) {
        server_->use_tls(*credentials_.tls());
    }
    const auto where = server_->listen(settings_.listen);
    if (!where) {
        return where.error();
    }
    telemetry::log().info("listening on {}", url_of(*where, credentials_.tls().has_value()));
    return {};
}

// Without a place to keep them clients make no models; all else goes on.
void daemon::open_variants() {
    if (settings_.state_directory.empty()) {
        return;
    }
    auto opened = catalog::variant_store::open(settings_.state_directory / "variants");
    if (!opened) {
        telemetry::log().warn("clients can't make models: {}", opened.error().message);
        return;
    }
    variant_store_ = std::move(*opened);
    variants_ = std::make_unique<api::variant_library>(*models_, *variant_store_);
    variants_->load();
}

void daemon::run() {
    boost::asio::co_spawn(loop_, live(), [](const std::exception_ptr& failed) {
        if (failed) {
            std::rethrow_exception(failed);
        }
    });
    loop_.run();
}

core::awaitable<void> daemon::live() {
    service_tasks_.spawn("signals", watch_signals());
    service_tasks_.spawn("credentials", watch_credentials());
    service_tasks_.spawn("systemd", tell_systemd());
    service_tasks_.spawn("orphans", collect_orphans());
    server_->start();
    notify_ready();
    for (const auto& runtime : backends_) {
        runtime->start();
    }
    while (signals_seen_ == 0) {
        co_await signalled_.wait();
    }
    co_await shut_down();
}

core::awaitable<void> daemon::shut_down() {
    telemetry::log().info("stopping: running answers may end within {} s",
                          std::chrono::duration_cast<core::seconds>(settings_.shutdown_grace).count());
    // With a margin for what comes after: the warden and the last log lines.
    notify_stopping(settings_.shutdown_grace + services_end + 10 * connection_end);
    server_->stop_accepting();
    scheduler_->refuse_new();
    const core::deadline grace = core::deadline::after(settings_.shutdown_grace, clock_.now());
    while (scheduler_->snapshot().running > 0 && signals_seen_ < 2 && !grace.passed(clock_.now())) {
        const core::deadline tick = core::deadline::after(core::milliseconds(100), clock_.now());
        co_await scheduler_->wait_idle(tick.sooner(grace));
    }
    // What still runs is told so in its stream before its connection goes.
    run_tasks_.cancel();
    co_await server_->wait_idle(core::deadline::after(connection_end, clock_.now()));
    server_->close_all();
    const core::deadline until = core::deadline::after(services_end, clock_.now());
    for (const auto& runtime : backends_) {
        run_tasks_.spawn("stop " + runtime->model().name, stop_backend(*runtime, until));
    }
    const bool all_ended = co_await run_tasks_.wait_empty(until);
    if (!all_ended) {
        telemetry::log().error("not everything ended in time; the warden kills what is left");
    }
    signals_.cancel();
    service_tasks_.cancel();
    co_await service_tasks_.wait_empty(core::deadline::after(connection_end, clock_.now()));
    process::reap_orphans();
    telemetry::log().info("stopped");
    loop_.stop();
}

core::awaitable<void> daemon::stop_backend(engine::backend& runtime, core::deadline until) {
    const bool stopped = co_await runtime.stop(until);
    if (!stopped) {
        telemetry::log().error("model {}: its services did not stop in time", runtime.model().name);
    }
}

core::awaitable<void> daemon::watch_signals() {
    while (true) {
        const auto [error, number] = co_await signals_.async_wait(core::as_result);
        if (error) {
            co_return;
        }
        telemetry::log().info("received {}", strsignal(number));
        if (number == SIGHUP && !hang_up_stops_) {
            credentials_asked_.ring();
            continue;
        }
        ++signals_seen_;
        signalled_.ring();
    }
}

core::awaitable<void> daemon::watch_credentials() {
    core::wake_reason why = core::wake_reason::timed_out;
    while (why != core::wake_reason::cancelled) {
        const bool asked = why == core::wake_reason::rung;
        if (credentials_.refresh(asked)) {
            server_->use_tls(*credentials_.tls());
        }
        const core::deadline next = core::deadline::after(credentials_period, clock_.now());
        why = co_await credentials_asked_.wait(next);
    }
}

core::awaitable<void> daemon::tell_systemd() {
    const auto interval = watchdog_interval();
    const core::nanoseconds period =
        std::min<core::nanoseconds>(interval.value_or(core::seconds(2)), core::seconds(2));
    std::string told;
    bool awake = true;
    while (awake) {
        if (interval) {
            notify_watchdog();
        }
        std::string line = status_line();
        if (line != told) {
            notify_status(line);
            told = std::move(line);
        }
        awake = co_await core::sleep_for(period);
    }
}

core::awaitable<void> daemon::collect_orphans() {
    bool awake = true;
    while (awake) {
        process::reap_orphans();
        if (const auto replaced = supervision_.guard->look_after(); !replaced) {
            telemetry::log().error("the warden is gone and there is no new one: {}",
                                   replaced.error().message);
        } else if (*replaced) {
            telemetry::log().warn("the warden had been killed; there is a new one");
        }
        awake = co_await core::sleep_for(housekeeping_period);
    }
}

std::string daemon::status_line() const {
    std::string line;
    for (const auto& runtime : backends_) {
        const engine::availability now = runtime->available();
        line += line.empty() ? "" : "; ";
        line += runtime->model().name;
        switch (now.state) {
            case engine::availability_state::ready:
                line += " ready";
                break;
            case engine::availability_state::loading:
                line += " loading";
                if (now.progress) {
                    line += fmt::format(" {:.0f} %", *now.progress * 100);
                }
                break;
            case engine::availability_state::stopped:
                line += " stopped";
                break;
            case engine::availability_state::broken:
                line += " broken: " + telemetry::printable(now.reason);
                break;
        }
    }
    return line;
}

}  // namespace corral::app

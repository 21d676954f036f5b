#include "corral/daemon/daemon.hpp"

#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>

#include "agent_port.hpp"
#include "box_desk.hpp"
#include "corral/catalog/placement.hpp"
#include "corral/config/server_places.hpp"
#include "corral/monitor/device_figures.hpp"
#include "corral/telemetry/log.hpp"
#include "corral/telemetry/service_notify.hpp"
#include "local_users.hpp"
#include "loop_watch.hpp"
#include "status_text.hpp"

namespace corral::daemon {

namespace {

// Answers are cut after the grace, so what remains is connections that write their last bytes.
constexpr core::seconds connection_end{2};
// Beyond the longest stop ladder of any shipped profile.
constexpr core::seconds services_end{60};

core::task_group::error_sink log_escaped(const char* group) {
    return [group](const std::string& task, const std::string& what) {
        telemetry::error(core::say("daemon.fault/task", group, task, what));
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

// A promise of more connections than there can be is kept as far as descriptors go; whoever made it should know.
void say_if_descriptors_are_few(std::size_t max_connections) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    const auto most = static_cast<std::size_t>(limit.rlim_cur);
    const std::size_t kept = http::descriptor_reserve(most);
    if (max_connections > most - kept) {
        telemetry::warn(core::say("daemon.descriptors/few", max_connections, most, kept, most - kept));
    }
}

// There is an answer where clients have all places and descriptors. A person may have paused the pager of a log.
http::server_options for_the_command_line() {
    http::server_options out;
    out.max_body_bytes = std::size_t{64} * 1024;
    out.max_buffered_body_bytes = std::size_t{1024} * 1024;
    out.max_connections = 16;
    out.write_stall = core::seconds{3600};
    out.spares_descriptors = false;
    return out;
}

}  // namespace

daemon::daemon(boost::asio::io_context& loop, config::configuration settings,
               config::configuration_source source, process::warden& guard)
    : loop_(loop),
      settings_(std::move(settings)),
      source_(std::move(source)),
      service_tasks_(loop.get_executor(), log_escaped("service")),
      run_tasks_(loop.get_executor(), log_escaped("generation")),
      devices_({loop.get_executor(), &clock_, &guard, &before_start_}),
      supervision_{loop.get_executor(),
                   &clock_,
                   &random_,
                   &guard,
                   &service_tasks_,
                   settings_.log_content,
                   &devices_,
                   &before_start_,
                   config::bytecode_folder(settings_.state_directory).string()},
      credentials_(std::make_shared<config::credential_files>(settings_)),
      card_memory_(devices_),
      fleet_(supervision_, card_memory_, settings_),
      cards_(service_tasks_, clock_, devices_, card_memory_),
      compute_(service_tasks_, clock_, devices_, journal_),
      local_users_(std::make_shared<local_users>(clock_)),
      signals_(loop, SIGINT, SIGTERM, SIGUSR2),
      signalled_(loop.get_executor()),
      credentials_asked_(loop.get_executor()),
      reload_asked_(loop.get_executor()),
      hang_up_stops_(has_terminal()),
      settings_watch_({source_.file}) {
    // Under nohup the end of the terminal is not ours.
    struct sigaction hang_up {};
    if (::sigaction(SIGHUP, nullptr, &hang_up) != 0 || hang_up.sa_handler != SIG_IGN) {
        signals_.add(SIGHUP);
    }
}

daemon::~daemon() = default;

core::result<void> daemon::open() {
    if (source_.waits_for_credentials) {
        credentials_->load_or_wait();
    } else if (auto read = credentials_->load(); !read) {
        return read;
    }
    // Before a client can come in: a second start is refused by these two.
    if (auto opened = open_admin_socket(); !opened) {
        return opened;
    }
    if (auto taken = take_state(); !taken) {
        return taken;
    }
    // Before the models, or a service could be given the very port that the kernel would choose for us.
    if (auto opened = open_server(); !opened) {
        return opened;
    }
    if (auto made = fleet_.open(settings_, inherited_); !made) {
        return made;
    }
    open_black_box();
    open_metrics();
    for (const auto& runtime : fleet_.backends()) {
        cards_.watch(*runtime);
        compute_.watch(*runtime);
    }
    generation::generation_options generation = fleet::generation_options_of(settings_);
    generation.journal = &journal_;
    journal_.on_finish([this](const telemetry::run_record& ended) {
        if (ended.outcome == "stop" || ended.outcome == "length") {
            boot_.note_answer();
            note_speed(ended);
        }
    });
    generation.metrics = &metrics_;
    generation.rendering = &decoding_;
    generations_ = std::make_unique<generation::generation_service>(
        run_tasks_, clock_, random_, fleet_.admission(), fleet_.models(), generation);
    renew_request_pipeline();
    if (auto opened = open_agent(); !opened) {
        return opened;
    }
    auto opened = open_admin();
    prepare_upgrade();
    if (opened) {
        boot_.note_listening();
        telemetry::log().info("listening on {} event=listening",
                              url_of(door_.at, credentials_->tls().has_value()));
    }
    return opened;
}

std::unique_ptr<http::server> daemon::make_server(const http::server_options& with) {
    return std::make_unique<http::server>(
        loop_.get_executor(), with, http::handler{},
        [](const std::string& what) { telemetry::error(core::say("daemon.fault/handler", what)); });
}

// No client is let in before start().
core::result<void> daemon::open_server() {
    server_ = make_server(settings_.http);
    operator_server_ = make_server(for_the_command_line());
    server_->warn_with([](const core::reason& what) { telemetry::warn(what); });
    server_->free_with(decoding_);
    if (credentials_->tls()) {
        server_->use_tls(*credentials_->tls());
    }
    say_if_descriptors_are_few(settings_.http.max_connections);
    auto opened = upgrade::open_door(*server_, settings_, inherited_);
    if (!opened) {
        return opened.error();
    }
    door_ = *opened;
    return {};
}

void daemon::open_black_box() {
    if (settings_.state_directory.empty() || settings_.black_box.keep == 0) {
        return;
    }
    incidents::black_box_sources from;
    from.journal = &journal_;
    from.device = [this] { return monitor::device_figures(devices_, clock_.now()); };
    from.log_content = settings_.log_content;
    black_box_ = std::make_unique<incidents::black_box>(service_tasks_, clock_, settings_.black_box,
                                                        config::crash_folder(settings_.state_directory),
                                                        std::move(from));
    for (const auto& runtime : fleet_.backends()) {
        black_box_->watch(runtime->model(), runtime->services());
    }
}

void daemon::begin_watch(engine::backend& runtime) {
    cards_.watch(runtime);
    compute_.watch(runtime);
    meter(runtime);
    if (black_box_) {
        black_box_->watch(runtime.model(), runtime.services());
    }
}

void daemon::end_watch(engine::backend& runtime) {
    cards_.forget(runtime);
    compute_.forget(runtime);
    meter_.forget(runtime.services());
    boot_.forget(runtime.services());
    if (black_box_) {
        black_box_->forget(runtime.services());
    }
}

void daemon::run() {
    boost::asio::co_spawn(loop_, live(), [](const std::exception_ptr& failed) {
        if (failed) {
            std::rethrow_exception(failed);
        }
    });
    const std::unique_ptr<loop_watch> watched = loop_watch::start_if_wanted(loop_.get_executor());
    loop_.run();
}

core::awaitable<void> daemon::live() {
    service_tasks_.spawn("signals", watch_signals());
    service_tasks_.spawn("credentials", watch_credentials());
    service_tasks_.spawn("reload", watch_reload());
    service_tasks_.spawn("systemd", tell_systemd());
    service_tasks_.spawn("orphans", collect_orphans());
    service_tasks_.spawn("lateness", measure_lateness());
    service_tasks_.spawn("memory", give_memory_back());
    service_tasks_.spawn("speeds", keep_speeds());
    // Clients ask before it has ended.
    card_memory_.set_awaited(new_cards_are_shared());
    server_->start();
    operator_server_->start();
    if (agent_) {
        agent_->start();
    }
    telemetry::notify_ready();
    service_tasks_.spawn("start models", start_models());
    keep_last_good(std::exchange(good_text_, {}));
    while (signals_seen_ == 0) {
        co_await signalled_.wait();
    }
    co_await shut_down();
}

core::awaitable<void> daemon::shut_down() {
    telemetry::log().info("stopping: running answers may end within {} s",
                          std::chrono::duration_cast<core::seconds>(settings_.shutdown_grace).count());
    // With a margin for what comes after: the warden and the last log lines.
    telemetry::notify_stopping(settings_.shutdown_grace + services_end + 10 * connection_end);
    server_->stop_accepting();
    stop_pulls("stopped");
    reloader_->close();
    fleet_.close();
    fleet_.admission().refuse_new();
    generations_->give_way();
    const core::deadline grace = core::deadline::after(settings_.shutdown_grace, clock_.now());
    while (fleet_.admission().snapshot().running > 0 && signals_seen_ < 2 && !grace.passed(clock_.now())) {
        const core::deadline tick = core::deadline::after(core::milliseconds(100), clock_.now());
        co_await fleet_.admission().wait_idle(tick.sooner(grace));
    }
    // What still runs hears of it in its stream before its connection goes.
    run_tasks_.cancel();
    co_await server_->wait_idle(core::deadline::after(connection_end, clock_.now()));
    server_->close_all();
    const core::deadline until = core::deadline::after(services_end, clock_.now());
    for (const auto& runtime : fleet_.backends()) {
        run_tasks_.spawn("stop " + catalog::label_of(runtime->model()), stop_backend(*runtime, until));
    }
    for (engine::backend* const retired : fleet_.not_stopped()) {
        run_tasks_.spawn("stop " + retired->model().name, stop_backend(*retired, until));
    }
    const bool all_ended = co_await run_tasks_.wait_empty(until);
    if (!all_ended) {
        telemetry::error(core::say("service.stop-overdue/all"));
    }
    co_await write_speeds();
    signals_.cancel();
    if (admin_file_) {
        admin_file_->remove();
    }
    operator_server_->stop_accepting();
    operator_server_->close_all();
    co_await operator_server_->wait_idle(core::deadline::after(connection_end, clock_.now()));
    if (agent_) {
        agent_->close();
    }
    service_tasks_.cancel();
    co_await service_tasks_.wait_empty(core::deadline::after(connection_end, clock_.now()));
    process::reap_orphans();
    telemetry::log().info("stopped");
    loop_.stop();
}

core::awaitable<void> daemon::stop_backend(engine::backend& runtime, core::deadline until) {
    const bool stopped = co_await runtime.stop(until);
    if (!stopped) {
        telemetry::error(core::say("service.stop-overdue/model", catalog::label_of(runtime.model())));
    }
}

}  // namespace corral::daemon

#include "supervisor/service/service_runner.hpp"

#include <cerrno>
#include <csignal>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <boost/asio/ip/tcp.hpp>

#include "corral/process/listener_owner.hpp"
#include "corral/process/program_check.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/machine/load_estimate.hpp"
#include "supervisor/service/start_output.hpp"

namespace corral::supervisor {

namespace {

constexpr std::size_t ring_lines = 400;
constexpr std::size_t ring_bytes = 128 * 1024;
constexpr core::seconds lateness_slice{1};

service_plan plan_for(const service_spec& wanted, const catalog::restart_rule& restart) {
    service_plan plan;
    plan.rules = wanted.rules;
    plan.has_self_test = static_cast<bool>(wanted.self_test);
    plan.has_quiesce = static_cast<bool>(wanted.quiesce);
    plan.has_gate = wanted.gate != nullptr;
    plan.breaker_retry = restart.breaker_retry;
    return plan;
}

// Errors of a spawn that another try meets again: the file is what is wrong.
bool is_lasting(const core::error_code& why) {
    static constexpr std::array lasting{ENOENT, EACCES, EPERM,        ENOEXEC, ENOTDIR, ELIBBAD,
                                        EISDIR, E2BIG,  ENAMETOOLONG, ELOOP,   EINVAL,  ENODEV};
    return why.category() == boost::system::system_category() &&
           std::find(lasting.begin(), lasting.end(), why.value()) != lasting.end();
}

bool same_news(const service_status& a, const service_status& b) {
    const auto percent = [](const service_status& of) {
        return of.progress ? std::lround(*of.progress * 100.0) : -1L;
    };
    return a.state == b.state && a.since == b.since && a.reason == b.reason && a.pid == b.pid &&
           a.warning == b.warning && a.next_try == b.next_try && percent(a) == percent(b);
}

// True when the kernel lets us have the port beside no listener. Much cheaper than a look through /proc,
// which is then only needed to name who has it. SO_REUSEADDR, so that connections of the last process that
// fade away don't count.
bool is_free(const core::executor& on, const boost::asio::ip::tcp::endpoint& at) {
    core::error_code failed;
    boost::asio::ip::tcp::acceptor trial(on);
    trial.open(at.protocol(), failed);
    if (!failed) {
        trial.set_option(boost::asio::socket_base::reuse_address(true), failed);
    }
    if (!failed) {
        trial.bind(at, failed);
    }
    return !failed;
}

spdlog::level::level_enum level_of(const service_status& now) {
    if (now.state == service_state::broken) {
        return spdlog::level::err;
    }
    // Without a time it only waits for its turn, as in every start.
    return now.state == service_state::waiting && now.next_try ? spdlog::level::warn : spdlog::level::info;
}

}  // namespace

service_runner::service_runner(const supervisor_context& context, const std::string& group,
                               service_spec wanted, const catalog::restart_rule& restart, runner_owner* owner)
    : context_(context),
      spec_(std::move(wanted)),
      label_(group + "/" + spec_.name),
      plan_(plan_for(spec_, restart)),
      machine_(restart),
      owner_(owner),
      bell_(context.on),
      confined_(spec_),
      ring_(ring_lines, ring_bytes) {
    machine_.since = context.clock->now();
    published_ = status();
}

void service_runner::feed(service_event event) {
    if (event.what == event_kind::start) {
        confined_.forget();
    }
    inbox_.push_back(std::move(event));
    if (feeding_) {
        return;
    }
    feeding_ = true;
    const self_ptr self = shared_from_this();
    while (!inbox_.empty() && !abandoned_) {
        const service_event next = std::move(inbox_.front());
        inbox_.pop_front();
        const machine_before before(machine_);
        const core::nanoseconds late = late_.total() - late_told_;
        late_told_ = late_.total();
        transition moved = step(machine_, next, plan_, {now(), context_.random->unit(), late});
        machine_ = std::move(moved.next);
        take_note(before, next);
        if (moved.action) {
            perform(*moved.action);
        }
    }
    feeding_ = false;
    keep_time();
    publish();
}

void service_runner::perform(const service_action& action) {
    const self_ptr self = shared_from_this();
    switch (action.what) {
        case action_kind::ask_gate:
            return spawn_task("gate", ask_gate(self, ++gate_questions_));
        case action_kind::launch:
            return launch();
        case action_kind::watch_socket:
            return spawn_task("watch socket", watch_socket(self, run_));
        case action_kind::probe:
            return spawn_task("probe", probe(self, run_));
        case action_kind::self_test:
            return spawn_task("first test", first_test(self, run_));
        case action_kind::guard:
            run_->tested = true;  // without a first test too: who serves may print what it is asked
            if (spec_.gate) {
                spec_.gate->on_ready(run_->pid);
            }
            if (spec_.rules.liveness.interval > core::milliseconds{0}) {
                spawn_task("signs of life", ask_for_life(self, run_));
            }
            return spawn_task("guard port", guard_port(self, run_));
        case action_kind::quiesce:
            return spawn_task("quiesce", quiesce(self, run_, core::deadline{action.until}));
        case action_kind::signal:
            return signal(action.step);
    }
}

void service_runner::launch() {
    problem_.clear();
    if (auto fault = process::check_program(spec_.command)) {
        inbox_.push_back({event_kind::refused, std::move(fault->message), std::move(fault->advice)});
        return;
    }
    process::spawn_spec command = spec_.command;
    if (auto fault = confined_.prepare(command, now())) {
        inbox_.push_back({event_kind::refused, std::move(fault->message), std::move(fault->advice)});
        return;
    }
    move_to(confined_.expected());
    const auto port = spec_.endpoint.port();
    listener_judgement taken;
    if (!is_free(context_.on, spec_.endpoint)) {
        taken = judge_listeners(process::listeners_on(port), [](pid_t) { return false; });
    }
    if (taken.what != listener_finding::none) {
        inbox_.push_back({event_kind::refused,
                          "port " + std::to_string(port) + " is already taken by " + taken.who,
                          "stop that program or give this service another port; it is looked at again by "
                          "itself"});
        return;
    }
    command.environment[process::warden::token_name()] = context_.guard->token();
    auto started = process::child::spawn(context_.on, command);
    if (!started) {
        const core::failure& why = started.error();
        const bool lasting = is_lasting(why.code);
        inbox_.push_back({lasting ? event_kind::refused : event_kind::launch_failed, why.message,
                          lasting ? "mend the command of this service" : ""});
        return;
    }
    adopt(std::move(started.value()));
    inbox_.push_back({event_kind::spawned, {}, {}});
}

void service_runner::adopt(process::child started) {
    if (const auto told = context_.guard->watch_group(started.pid()); !told) {
        telemetry::log().warn("{}: the warden was not told of it: {}", label_, told.error().message);
    }
    ++starts_;
    last_pid_ = started.pid();
    warning_.clear();
    // The sinks need the run that will own them; it is set before the first byte is read.
    const auto place = std::make_shared<process_run*>(nullptr);
    const auto assembler = [this, place](process::output_stream from) {
        return telemetry::line_assembler(
            [this, place, from](std::string_view line) { take_line(**place, from, line); },
            [this, place](std::string_view line) { take_progress(**place, line); });
    };
    run_ =
        std::make_shared<process_run>(context_.on, std::move(started), assembler(process::output_stream::out),
                                      assembler(process::output_stream::err));
    *place = run_.get();
    ring_.add("[corral] started as process " + std::to_string(run_->pid));
    if (const auto asked = confined_.asked_port()) {
        ring_.add("[corral] guarded: its port " + std::to_string(*asked) + " is " +
                  std::to_string(spec_.endpoint.port()) + " on loopback");
    }
    if (spec_.gate) {
        spec_.gate->on_spawned(run_->pid);
    }
    const self_ptr self = shared_from_this();
    spawn_task("output", pump(self, run_, process::output_stream::out));
    spawn_task("errors", pump(self, run_, process::output_stream::err));
    spawn_task("end", await_end(self, run_));
}

void service_runner::signal(const catalog::stop_step& step) {
    const bool group = step.target == catalog::signal_target::group;
    if (std::find(run_->signals_sent.begin(), run_->signals_sent.end(), step.signal) ==
        run_->signals_sent.end()) {
        run_->signals_sent.push_back(step.signal);
    }
    const auto sent = group ? run_->child.signal_group(step.signal) : run_->child.signal_leader(step.signal);
    if (!sent) {
        telemetry::log().warn("{}: signal {} could not be sent: {}", label_, step.signal,
                              sent.error().message);
    }
}

void service_runner::spawn_task(const char* what, core::awaitable<void> task) {
    context_.tasks->spawn(label_ + ": " + what, std::move(task));
}

bool service_runner::in_stage(const process_run& run, load_stage stage) const {
    return run_.get() == &run && !run.ended && !abandoned_ && machine_.in_stage(stage);
}

void service_runner::keep_time() {
    bell_.ring();
    if (machine_.wake() && !timing_ && !abandoned_) {
        timing_ = true;
        spawn_task("timer", run_timer(shared_from_this()));
    }
}

core::awaitable<void> service_runner::run_timer(self_ptr self) {
    while (self->machine_.wake() && !self->abandoned_) {
        // A start is watched in slices, to see how late the loop is.
        const bool sliced = self->machine_.state() == service_state::starting;
        const core::steady_time slice = self->now() + lateness_slice;
        const core::deadline until{sliced ? std::min(*self->machine_.wake(), slice) : *self->machine_.wake()};
        const core::wake_reason woken = co_await self->bell_.wait(until);
        if (woken == core::wake_reason::cancelled) {
            break;
        }
        if (woken == core::wake_reason::timed_out && sliced) {
            self->late_.woke(until.at(), self->now());
        }
        const bool was_late = self->late_.total() > self->late_told_;
        if (self->machine_.wake() && (was_late || self->now() >= *self->machine_.wake())) {
            self->feed({event_kind::timer, self->problem_, {}});
        }
    }
    self->timing_ = false;
}

std::optional<core::seconds> service_runner::load_left() const {
    const phase::loading* const load = machine_.load();
    if (load == nullptr || run_ == nullptr) {
        return std::nullopt;
    }
    std::optional<core::nanoseconds> usual;
    if (machine_.clocks && machine_.clocks->whole.observed() > 0) {
        usual = machine_.clocks->whole.latest();
    }
    return load_time_left(run_->progress, now() - load->started, usual);
}

void service_runner::publish() {
    service_status current = status();
    if (same_news(published_, current)) {
        return;
    }
    const bool launched = current.pid != 0 && published_.pid != current.pid;
    const bool worth_a_line =
        launched || published_.state != current.state || published_.reason != current.reason;
    if (worth_a_line) {
        telemetry::log().log(level_of(current), "{}: {}{}: {}", label_, to_string(current.state),
                             current.pid != 0 ? " (process " + std::to_string(current.pid) + ")" : "",
                             telemetry::printable(with_advice(current.reason, current.advice), 800));
    }
    published_ = std::move(current);
    if (owner_ != nullptr) {
        owner_->on_changed(*this);
    }
}

service_status service_runner::status() const {
    service_status status;
    status.name = spec_.name;
    status.state = machine_.state();
    status.since = machine_.since;
    status.reason = machine_.reason;
    status.advice = machine_.advice;
    status.starts = starts_;
    status.warning = warning_;
    status.last_end = last_end_;
    if (run_ != nullptr) {
        status.pid = run_->pid;
        if (machine_.state() == service_state::starting) {
            status.progress = run_->progress;
            status.left = load_left();
        }
    }
    const bool has_next =
        machine_.state() == service_state::waiting || machine_.state() == service_state::broken;
    if (has_next && machine_.gate_asked() == nullptr) {
        status.next_try = machine_.wake();
    }
    return status;
}

void service_runner::abandon() {
    abandoned_ = true;
    owner_ = nullptr;
    bell_.ring();
    if (run_ == nullptr) {
        return;
    }
    run_->dropped = true;
    run_->changed.ring();
    signal({SIGKILL, catalog::signal_target::group, {}});
}

}  // namespace corral::supervisor

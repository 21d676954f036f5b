#include "supervisor/service/service_runner.hpp"

#include <cerrno>
#include <csignal>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <variant>

#include <boost/asio/error.hpp>

#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"
#include "supervisor/machine/load_estimate.hpp"
#include "supervisor/service/exit_policy.hpp"
#include "supervisor/service/service_notes.hpp"

namespace corral::supervisor {

namespace {

constexpr std::size_t ring_lines = 400;
constexpr std::size_t ring_bytes = 128 * 1024;
constexpr core::seconds lateness_slice{1};
// Between two looks for what a failed start lacked.
constexpr core::seconds look_interval{2};

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

spdlog::level::level_enum level_of(const service_status& now) {
    if (now.state == service_state::broken) {
        return spdlog::level::err;
    }
    // Without a time it only waits for its turn, as in every start.
    return now.state == service_state::waiting && now.next_try ? spdlog::level::warn : spdlog::level::info;
}

bool was_cancelled(const process::exit_reason& reason) {
    const auto* lost = std::get_if<process::lost_track>(&reason);
    return lost != nullptr && lost->why == boost::asio::error::operation_aborted;
}

}  // namespace

service_runner::service_runner(const supervisor_context& context, const std::string& group,
                               service_spec wanted, const catalog::restart_rule& restart, runner_owner* owner)
    : context_(context),
      spec_(std::move(wanted)),
      label_(group + "/" + spec_.name),
      plan_(plan_for(spec_, restart)),
      machine_(restart),
      events_([this](const service_event& event) { take(event); }),
      owner_(owner),
      bell_(context.on),
      port_(spec_, label_, plan_.breaker_retry, context.ports),
      notes_(spec_.name, context.clock),
      ring_(ring_lines, ring_bytes) {
    machine_.since = context.clock->now();
    published_ = status();
}

void service_runner::feed(service_event event) {
    const self_ptr self = shared_from_this();
    event.at_work = spec_.at_work && spec_.at_work();
    events_.post(std::move(event));
    if (!events_.handling()) {
        keep_time();
        publish();
    }
}

void service_runner::take(const service_event& event) {
    if (abandoned_) {
        return;
    }
    if (event.what == event_kind::start) {
        port_.forget();
    }
    const machine_before before(machine_);
    const core::nanoseconds late = late_.total() - late_counted_;
    late_counted_ = late_.total();
    transition moved = step(machine_, event, plan_, {now(), context_.random->unit(), late});
    machine_ = std::move(moved.next);
    auto record = notes_.on_step(before, event, machine_, run_ != nullptr ? run_->pid : 0);
    trouble_unlogged_ = trouble_unlogged_ || (record && record->failure != trouble::none);
    if (record && owner_ != nullptr) {
        owner_->on_transition(std::move(*record));
    }
    if (moved.action) {
        perform(*moved.action);
    }
}

void service_runner::perform(const service_action& action) {
    const self_ptr self = shared_from_this();
    switch (action.what) {
        case action_kind::ask_gate:
            return spawn_task("gate", ask_gate(self, ++gate_questions_));
        case action_kind::launch:
            problem_ = {};
            start_failed_ = true;  // until it serves
            return spawn_task("launch", prepare_launch(self, ++launches_));
        case action_kind::watch_socket:
            return spawn_task("watch socket", watch_socket(self, run_));
        case action_kind::probe:
            return spawn_task("probe", probe(self, run_));
        case action_kind::self_test:
            return spawn_task("first test", first_test(self, run_));
        case action_kind::guard:
            return begin_service();
        case action_kind::quiesce:
            return spawn_task("quiesce", quiesce(self, run_, core::deadline{action.until}));
        case action_kind::signal:
            return run_->signal(action.step);
    }
}

void service_runner::begin_service() {
    const self_ptr self = shared_from_this();
    run_->was_ready = true;
    start_failed_ = false;
    warn_of_oom_score(label_, run_->pid);
    run_->output->first_test_begins();  // without one too: who serves may print what it is asked
    if (spec_.gate) {
        spec_.gate->on_ready(run_->pid);
    }
    if (spec_.rules.liveness.interval > core::milliseconds{0}) {
        spawn_task("signs of life", ask_for_life(self, run_));
    }
    spawn_task("guard port", guard_port(self, run_));
}

void service_runner::launch(process::spawn_spec command, port_watch::fault fault) {
    if (fault) {
        port_.leave();
    }
    if (fault && fault->id == port_watch::turn_lost) {
        return feed({event_kind::launch_failed, std::move(fault->message), {}});
    }
    if (fault) {
        return feed({event_kind::refused, std::move(fault->message), std::move(fault->advice)});
    }
    command.environment[process::warden::token_name()] = context_.guard->token();
    // Here and not in the service's own, so that services go on at an upgrade from a version without it.
    command.environment.emplace("PYTHONPYCACHEPREFIX", context_.bytecode_folder);
    command.own_cgroup = true;
    auto started = process::child::spawn(context_.on, command);
    if (!started) {
        port_.leave();
        const bool refused = started.error().code == boost::system::errc::resource_unavailable_try_again;
        return launch_failed(started.error().message, refused);
    }
    warn_of_limits(label_, *started, limits_logged_);
    warn_of_terminal(label_, *started);
    adopt(std::move(started.value()));
    feed({event_kind::spawned, {}, {}});
}

void service_runner::launch_failed(const core::reason& why, bool tasks_refused) {
    feed({event_kind::launch_failed, tasks_refused ? core::say("service.tasks-refused", why) : why,
          tasks_refused ? core::say("service.tasks-refused/do") : core::reason()});
}

void service_runner::adopt(process::child started) {
    if (const auto watched = context_.guard->watch_group(started.pid()); !watched) {
        telemetry::warn(core::say("service.process-control/untold", label_, watched.error()));
    }
    ++starts_;
    run_ = std::make_shared<process_run>(context_.on, std::move(started), label_);
    notes_.on_launched(run_->pid);
    // Nothing is read but by tasks of this run, which hold both.
    process_run* const run = run_.get();
    run->output.emplace(
        output_tap::settings{&spec_.rules.lines, &ring_, label_, context_.log_content, spec_.quoted,
                             &spec_.rules.routine, spec_.words_in},
        [this, run] { return context_of(*run); },
        [this, run](const line_news& news) { take_news(*run, news); });
    ring_.add("[corral] started as process " + std::to_string(run->pid));
    if (spec_.gate) {
        spec_.gate->on_spawned(run->pid);
    }
    const self_ptr self = shared_from_this();
    const auto hears = [self](process::output_stream stream) {
        return [self, stream](std::string_view bytes) {
            if (self->owner_ != nullptr) {
                self->owner_->on_output(*self, stream, bytes);
            }
        };
    };
    using enum process::output_stream;
    spawn_task("output", pump_output(run_, out, hears(out)));
    spawn_task("errors", pump_output(run_, err, hears(err)));
    spawn_task("end", await_end(self, run_));
}

line_context service_runner::context_of(const process_run& run) const {
    const bool tested = run.output->first_test_has_begun();
    if (run_.get() != &run || abandoned_ || machine_.is_being_ended()) {
        return line_context::over;
    }
    if (tested) {
        return line_context::serving;
    }
    return machine_.state() == service_state::starting ? line_context::loading : line_context::over;
}

void service_runner::take_news(process_run& run, const line_news& news) {
    if (news.progress) {
        feed({event_kind::progress, {}, {}});
    }
    if (news.fatal != nullptr) {
        feed({event_kind::fatal_line,
              with_line(core::reason::unlisted(news.fatal->cause), run.output->said()), news.fatal->advice});
    }
    if (news.remark != nullptr && owner_ != nullptr) {
        transition_record record = notes_.remark(*news.remark, machine_, run.pid);
        telemetry::warn(record.reason, "{}: {}", label_,
                        telemetry::printable(with_advice(record.reason, record.advice), 800));
        owner_->on_transition(std::move(record));
    }
}

void service_runner::report_fault(process::program_fault what) {
    const bool turn = what.id == port_watch::turn_lost;
    feed({turn ? event_kind::kill : event_kind::fault, std::move(what.message), std::move(what.advice)});
}

void service_runner::spawn_task(const char* what, core::awaitable<void> task) {
    context_.tasks->spawn(label_ + ": " + what, std::move(task));
}

bool service_runner::in_stage(const process_run& run, load_stage stage) const {
    return is_current(run) && machine_.in_stage(stage);
}

bool service_runner::serves(const process_run& run) const {
    return is_current(run) && machine_.state() == service_state::ready;
}

void service_runner::keep_time() {
    bell_.ring();
    if (machine_.wake() && !timing_ && !abandoned_) {
        timing_ = true;
        spawn_task("timer", run_timer(shared_from_this()));
    }
    if (is_watched() && !watching_ && !abandoned_) {
        watching_ = true;
        spawn_task("what its start lacked", watch_for_repairing(shared_from_this()));
    }
}

core::awaitable<void> service_runner::run_timer(self_ptr self) {
    while (!self->abandoned_) {
        const std::optional<core::steady_time> wake = self->machine_.wake();
        if (!wake) {
            break;
        }
        // A start is watched in slices, to see how late the loop is.
        const bool sliced = self->machine_.state() == service_state::starting;
        const core::steady_time slice = self->now() + lateness_slice;
        const core::deadline until{sliced ? std::min(*wake, slice) : *wake};
        const core::wake_reason woken = co_await self->bell_.wait(until);
        if (woken == core::wake_reason::cancelled) {
            break;
        }
        if (woken == core::wake_reason::timed_out && sliced) {
            self->late_.woke(until.at(), self->now());
        }
        const std::optional<core::steady_time> due = self->machine_.wake();
        const bool was_late = self->late_.total() > self->late_counted_;
        if (due && (was_late || self->now() >= *due)) {
            self->feed({event_kind::timer, self->problem_, {}});
        }
    }
    self->timing_ = false;
}

// A start failed, and is given a rest that another look may cut short.
bool service_runner::is_watched() const {
    const core::steady_time soon = now() + look_interval;
    const auto wake = machine_.wake();
    const bool rests = machine_.state() == service_state::waiting || machine_.breaker_is_open();
    return spec_.gate && start_failed_ && rests && wake && *wake > soon && machine_.gate_asked() == nullptr;
}

core::awaitable<void> service_runner::watch_for_repairing(self_ptr self) {
    core::steady_time since{};
    bool changed = false;
    bool refused = false;  // threads, since the failure
    core::wake_reason woken = core::wake_reason::rung;
    while (!self->abandoned_ && self->is_watched() && woken != core::wake_reason::cancelled && !changed) {
        const bool first = since != self->machine_.since;
        since = self->machine_.since;
        auto looking = self->spec_.gate->changed(self->machine_.reason, first);
        changed = co_await std::move(looking);
        const bool refuses = !self->context_.searches->refusal_of_threads().empty();
        changed = changed || (refused && !first && !refuses);
        refused = refuses || (refused && !first);
        changed = changed && self->is_watched() && self->machine_.since == since;
        const core::deadline next = core::deadline::after(look_interval, self->now());
        woken = core::wake_reason::rung;
        while (!changed && woken == core::wake_reason::rung && self->is_watched()) {
            woken = co_await self->bell_.wait(next);
        }
    }
    self->watching_ = false;
    if (changed && !self->abandoned_) {
        telemetry::log().info("{}: what its start needs has changed, so it is started again", self->label_);
        self->feed({event_kind::repaired, {}, {}});
    }
}

core::awaitable<void> service_runner::await_end(self_ptr self, run_ptr run) {
    const process::exit_reason how = co_await run->child.wait();
    run->ended = true;
    run->lacked_tasks = !run->was_ready && !self->context_.searches->refusal_of_threads().empty();
    run->changed.ring();
    // At once, so that none of them holds its output open; what this can't end is clear_away()'s.
    static_cast<void>(run->child.kill_family());
    if (was_cancelled(how)) {
        // The owner of all tasks ends: nothing may be started any more, and an orphan reaper gets the dead.
        self->feed({event_kind::let_go, {}, {}});
        self->feed({event_kind::exited, core::say("service.asked-to-stop/corral"), {}});
        self->run_.reset();
        self->feed({event_kind::gone, core::say("service.asked-to-stop/corral"), {}});
        self->abandoned_ = true;
        co_return;
    }
    // Its last lines may not have been read yet; they add to the story at its end.
    exit_story first = self->story_of(*run, how);
    const auto& never_ran = run->child.failed_start();
    if (never_ran && is_lasting(never_ran->code)) {
        self->feed({event_kind::fault, first.reason, first.advice});
    }
    auto losing = lost_its_port(self, run);
    const bool lost_turn = co_await std::move(losing);
    if (lost_turn) {
        first.reason = first.reason.led_to_by(self->port_.turn_fault().message);
        first.advice.clear();
    }
    const bool ended_itself = self->notes_.on_end(*run, first, how);
    const std::string group = self->label_.substr(0, self->label_.size() - self->name().size());
    if (ended_itself && run->was_ready && self->context_.activity->note_death(group, self->now())) {
        self->notes_.on_joint_death();
    }
    self->feed({event_kind::exited, first.reason, first.advice});
    auto clearing = clear_away(run, self->context_.clock);
    co_await std::move(clearing);
    if (const auto forgotten = self->context_.guard->forget_group(run->pid); !forgotten) {
        telemetry::log().debug("{}: the warden was not told of its end: {}", self->label_,
                               forgotten.error().message);
    }
    process::reap_orphans();
    const exit_story story = self->story_of(*run, how);
    run->output->note_omissions();
    self->ring_.add("[corral] process " + std::to_string(run->pid) + ": " + process::describe(how));
    if (self->spec_.gate) {
        self->spec_.gate->on_gone(run->pid);
    }
    if (self->run_ == run) {
        const bool by_itself = self->notes_.on_end(*run, story, how) && !never_ran;
        self->run_.reset();
        self->port_.leave();
        const exit_story& cause = lost_turn ? first : story;
        self->feed({event_kind::gone, cause.reason, cause.advice, by_itself});
    }
}

exit_story service_runner::story_of(const process_run& run, const process::exit_reason& reason) const {
    if (const auto& why = run.child.failed_start()) {
        return {why->message, why->message,
                is_lasting(why->code) ? core::say("service.cannot-start/do") : core::reason(), false,
                std::string()};
    }
    exit_story story = explain_exit(spec_.rules, reason, run.output->complaint(), run.output->remark(),
                                    run.was_ready, run.output->said());
    if (!run.signals_sent.empty()) {  // its status is Corral's doing
        const catalog::log_meaning* const said = run.output->complaint();
        const bool tells = said != nullptr && (said->fatal_at_start || !said->blames.empty());
        story.blames = tells ? std::optional(said->blames) : std::nullopt;
    }
    if (const bool ours = std::ranges::find(run.signals_sent, SIGKILL) != run.signals_sent.end(); !ours) {
        blame_memory(story, reason, memory_case_of(run, spec_.command.together));
    }
    const std::uint64_t most_tasks = spec_.command.together.tasks;
    if (!run.was_ready && most_tasks > 0 && run.child.tasks_refused() > 0) {
        blame_tasks(story, most_tasks);
    } else if (!run.was_ready && (run.lacked_tasks || names_refused_task(run.output->said()))) {
        blame_refused_tasks(story, reason, run.output->said());
    }
    if (!run.was_ready) {
        story.advice += (story.advice.empty() ? "" : " ") + core::say("service.exit/lines", label_);
    }
    return story;
}

std::optional<core::seconds> service_runner::load_left() const {
    const phase::loading* const load = machine_.load();
    if (load == nullptr || run_ == nullptr) {
        return std::nullopt;
    }
    return load_time_left(run_->output->progress(), now() - load->started, usual_load());
}

std::optional<core::nanoseconds> service_runner::usual_load() const {
    const bool known = machine_.clocks && machine_.clocks->whole.observed() > 0;
    return known ? std::optional(machine_.clocks->whole.latest()) : std::nullopt;
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
        const auto level = level_of(current);
        const bool lost = std::exchange(trouble_unlogged_, false) && level == spdlog::level::info;
        telemetry::log().log(lost ? spdlog::level::warn : level, "{}: {}{}: {} event=service.{}", label_,
                             to_string(current.state),
                             current.pid != 0 ? " (process " + std::to_string(current.pid) + ")" : "",
                             telemetry::printable(log_words(published_, current, now()), 800),
                             to_string(current.state));
    }
    const bool came_up = current.state == service_state::ready && published_.state == service_state::starting;
    published_ = std::move(current);
    if (const auto asked = port_.confined().asked_port(); came_up && asked) {
        // Not before: only now is it known that the guard reached it.
        ring_.add("[corral] guarded: its port " + std::to_string(*asked) + " is " +
                  std::to_string(port_.endpoint().port()) + " on loopback");
    }
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
    status.warning = port_.warning();
    status.fixed_port = port_.fixed_port();
    status.last_end = notes_.last_end();
    status.last_loss = notes_.last_loss();
    status.last_blamed = notes_.last_blamed();
    status.usual_load = usual_load();
    status.killed_from_outside = notes_.killed_from_outside();
    status.outside_faults = machine_.turned_away + context_.activity->joint_deaths();
    if (run_ != nullptr) {
        status.pid = run_->pid;
        if (machine_.state() == service_state::starting) {
            status.progress = run_->output->progress();
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
    run_->signal({SIGKILL, catalog::signal_target::group, {}});
}

}  // namespace corral::supervisor

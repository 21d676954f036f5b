#include "corral/process/child.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <map>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "corral/core/say.hpp"
#include "corral/process/warden.hpp"
#include "process/children/birthmark.hpp"
#include "process/children/child_cgroup.hpp"
#include "process/children/launcher.hpp"
#include "process/children/model_cgroup.hpp"
#include "process/children/pidfd.hpp"
#include "process/children/program_path.hpp"
#include "process/proc_files.hpp"

namespace corral::process {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_bytes = 65536;

core::error_code error_of(int number) {
    return {number, boost::system::system_category()};
}

exit_reason reason_of(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED) {
        return exited_with{info.si_status};
    }
    return killed_by{info.si_status, info.si_code == CLD_DUMPED};
}

// A stream from the child with the place its bytes land in. The pages of the buffer cost nothing before they
// are used.
struct incoming {
    explicit incoming(const core::executor& on) : source(on) {}
    asio::posix::stream_descriptor source;
    std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(read_bytes);
    bool terminal = false;

    // Takes the descriptor over only when that worked.
    core::error_code adopt(core::owned_fd& fd) {
        core::error_code failed;
        source.assign(fd.get(), failed);
        if (!failed) {
            static_cast<void>(fd.release());
        }
        return failed;
    }
};

bool is_cancelled(const asio::cancellation_state& state) {
    return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

struct child::state {
    explicit state(const core::executor& on) : ended_bell(on), out(on), err(on), report(on) {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
        if (pid > 0 && !ended) {
            reap();
            disown_child(pid);
        }
        if (const auto* group = own_group()) {
            static_cast<void>(group->remove());  // what is not empty goes with the next daemon's start
        }
    }

    // Keeps the status when the child has ended; never blocks.
    void reap() {
        note_mark();
        siginfo_t info{};
        int answer = 0;
        do {
            answer =
                ::waitid(P_PIDFD, static_cast<id_t>(ended_bell.native_handle()), &info, WEXITED | WNOHANG);
        } while (answer != 0 && errno == EINTR);
        if (answer == 0 && info.si_pid == 0) {
            return;
        }
        ended = answer == 0 ? reason_of(info) : exit_reason{lost_track{error_of(errno)}};
        note_report();
        disown_child(pid);
        note_group();
    }

    [[nodiscard]] const child_cgroup* own_group() const {
        return limited && limited->group ? &*limited->group : nullptr;
    }

    // The child puts it on itself before its exec; a zombie still has it.
    void note_mark() {
        if (!mark && !ended) {
            mark = birthmark_of(pid);
        }
    }

    void note_report() {
        if (!report.is_open()) {
            return;
        }
        start_report reported = read_report(report.native_handle(), program, directory);
        if (reported.over || ended) {
            failed_start = std::move(reported.failed);
            core::error_code ignored_of_a_pipe_that_was_read;
            report.close(ignored_of_a_pipe_that_was_read);
        }
    }

    // Once empty, the number of the group may be given to somebody else.
    void note_group() {
        if (!ended || group_gone) {
            return;
        }
        const bool empty = ::kill(-pid, 0) != 0 && errno == ESRCH;
        // While the group lives its number is not given to a new process, so one of that number means another
        // group.
        group_gone = empty || read_process(pid).has_value();
    }

    // Each coroutine keeps the state alive by itself.
    static core::awaitable<exit_reason> wait(std::shared_ptr<state> self);
    static core::awaitable<void> executed(std::shared_ptr<state> self);
    static core::awaitable<core::result<std::string>> read(std::shared_ptr<state> self, output_stream which);

    pid_t pid = 0;
    asio::posix::stream_descriptor ended_bell;  // the pidfd
    incoming out;
    incoming err;
    std::optional<exit_reason> ended;
    std::optional<birthmark> mark;  // nothing: the image that started it gave none, or was not allowed to
    std::optional<limited_group> limited;   // where it was asked for
    asio::posix::stream_descriptor report;  // open until the outcome of the exec is known
    std::string program;                    // for the words of its failure
    std::string directory;
    std::optional<core::failure> failed_start;
    std::string no_terminal;  // why, in the system's words
    bool group_gone = false;
};

core::awaitable<exit_reason> child::state::wait(std::shared_ptr<state> self) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    // Cancellation is an ordinary result here; the caller gets the flag back as it was.
    co_await asio::this_coro::throw_if_cancelled(false);
    exit_reason how = lost_track{asio::error::operation_aborted};
    for (;;) {
        if (self->ended) {
            how = *self->ended;
            break;
        }
        const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
        if (is_cancelled(cancellation)) {
            break;
        }
        const auto [failed] =
            co_await self->ended_bell.async_wait(asio::posix::descriptor_base::wait_read, core::as_result);
        if (failed && failed != asio::error::operation_aborted) {
            how = lost_track{failed};
            break;
        }
        if (!failed && !self->ended) {
            self->reap();
        }
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return how;
}

core::awaitable<void> child::state::executed(std::shared_ptr<state> self) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
    if (self->report.is_open() && !is_cancelled(cancellation)) {
        const auto [failed] =
            co_await self->report.async_wait(asio::posix::descriptor_base::wait_read, core::as_result);
        if (!failed) {
            self->note_mark();
            self->note_report();
        }
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
}

core::awaitable<core::result<std::string>> child::state::read(std::shared_ptr<state> self,
                                                              output_stream which) {
    incoming& from = which == output_stream::out ? self->out : self->err;
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    core::result<std::string> answer{std::string{}};
    const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) {
        answer = core::failure{asio::error::operation_aborted, core::say("service.process-control/reading")};
    } else if (from.source.is_open()) {
        const asio::mutable_buffer place(from.buffer.get(), read_bytes);
        const auto [failed, got] = co_await from.source.async_read_some(place, core::as_result);
        const bool at_end = failed == asio::error::eof || (from.terminal && failed == error_of(EIO));
        if (got > 0) {
            answer = std::string(from.buffer.get(), got);
        } else if (failed && !at_end) {
            answer = core::failure{failed, core::say("service.process-control/read", failed.message())};
        } else {
            core::error_code ignored_at_the_end_of_a_stream;
            from.source.close(ignored_at_the_end_of_a_stream);
        }
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    co_return answer;
}

namespace {

core::result<void> outcome_of_signal(int answer) {
    if (answer == 0 || errno == ESRCH) {
        return {};
    }
    return core::errno_failure(errno,
                               core::say("service.process-control/cannot-signal", error_of(errno).message()));
}

// What the C library holds back before a pipe comes line by line with stdbuf(1)'s library, which Debian always has.
void print_by_lines(std::map<std::string, std::string>& environment) {
    constexpr const char* library = "/usr/libexec/coreutils/libstdbuf.so";
    if (::access(library, R_OK) == 0) {
        std::string& preloaded = environment["LD_PRELOAD"];
        preloaded += (preloaded.empty() ? "" : ":") + std::string(library);
        environment["_STDBUF_O"] = "L";
    }
}

}  // namespace

core::result<child> child::spawn(const core::executor& on, const spawn_spec& spec) {
    if (spec.command.empty() || spec.command.front().empty()) {
        return core::make_failure(core::errc::invalid, core::say("service.cannot-start/empty"));
    }
    auto stdio = open_stdio(spec.stdio);
    if (!stdio) {
        return stdio.error();
    }
    std::map<std::string, std::string> environment = spec.environment;
    if (!stdio->no_terminal.empty()) {
        print_by_lines(environment);
    }
    launch_spec launching{places_of(spec), spec.command, {}, spec.working_directory, spec.limits};
    for (const auto& [name, value] : environment) {
        launching.environment.push_back(name + '=' + value);
    }
    auto report = open_pipe();
    if (!report) {
        return report.error();
    }
    // Everything that can fail for want of descriptors or memory comes before the child.
    auto made = std::make_shared<state>(on);
    made->out.terminal = spec.stdio != stdio_kind::pipe && stdio->no_terminal.empty();
    made->no_terminal = std::move(stdio->no_terminal);
    core::error_code failed = made->out.adopt(stdio->our_out);
    if (!failed) {
        failed = made->err.adopt(stdio->our_err);
    }
    if (!failed) {
        made->report.assign(report->read.get(), failed);
    }
    if (!failed) {
        static_cast<void>(report->read.release());
        made->report.native_non_blocking(true, failed);
    }
    if (failed) {
        return core::failure{failed, core::say("service.process-control/from",
                                               in_quotes(spec.command.front()), failed.message())};
    }
    if (spec.own_cgroup) {
        made->limited = limited_group::make(spec.together);
    }
    const core::owned_fd door = made->own_group() != nullptr ? made->own_group()->door() : core::owned_fd();
    launching.cgroup = door.get();
    made->program = spec.command.front();
    made->directory = spec.working_directory;
    auto started = launch(launching, *stdio, std::move(report->write));
    if (!started) {
        return started.error();
    }
    made->ended_bell.assign(started->pidfd.get(), failed);
    if (failed) {
        give_up_child(started->pid);
        return core::failure{failed, core::say("service.process-control/cannot-watch",
                                               in_quotes(spec.command.front()), failed.message())};
    }
    static_cast<void>(started->pidfd.release());
    made->pid = started->pid;
    own_child(made->pid);
    return child(std::move(made));
}

namespace {

core::failure not_adoptable(pid_t pid, const core::reason& why) {
    return core::make_failure(core::errc::invalid,
                              core::say("service.process-control/process-taken", pid, why));
}

// A pipe or a terminal, open for reading; empty when it is.
core::reason stream_problem(int fd) {
    if (fd == -1) {
        return {};
    }
    struct stat about {};
    if (fd <= STDERR_FILENO || ::fstat(fd, &about) != 0) {
        return core::say("service.process-control/closed");
    }
    const int flags = ::fcntl(fd, F_GETFL);
    const bool kind = S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode);
    const bool readable = flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
    return kind && readable ? core::reason() : core::say("service.process-control/no-pipe");
}

}  // namespace

child_handover child::hand_over() const {
    const auto handle_of = [](incoming& from) {
        return from.source.is_open() ? from.source.native_handle() : -1;
    };
    return {state_->pid, handle_of(state_->out), handle_of(state_->err), state_->out.terminal};
}

core::result<void> child::can_adopt(const child_handover& handover) {
    const auto row = handover.pid > 1 ? read_process(handover.pid) : std::nullopt;
    if (!row || row->parent != ::getpid()) {
        return not_adoptable(handover.pid, core::say("service.process-control/no-child"));
    }
    if (row->group != handover.pid) {
        return not_adoptable(handover.pid, core::say("service.process-control/no-leader"));
    }
    for (const int fd : {handover.out, handover.err}) {
        if (const core::reason problem = stream_problem(fd); !problem.empty()) {
            return not_adoptable(handover.pid, problem);
        }
    }
    if (handover.out == handover.err && handover.out != -1) {
        return not_adoptable(handover.pid, core::say("service.process-control/same-pipe"));
    }
    return {};
}

core::result<child> child::adopt(const core::executor& on, const child_handover& handover) {
    if (auto fit = can_adopt(handover); !fit) {
        return fit.error();
    }
    core::owned_fd bell(open_pidfd(handover.pid));
    if (!bell.valid()) {
        return not_adoptable(handover.pid, core::say("service.process-control/no-pidfd"));
    }
    auto made = std::make_shared<state>(on);
    made->out.terminal = handover.pty;
    core::owned_fd out(handover.out);
    core::owned_fd err(handover.err);
    core::error_code failed;
    if (out.valid()) {
        failed = made->out.adopt(out);
    }
    if (!failed && err.valid()) {
        failed = made->err.adopt(err);
    }
    if (!failed) {
        made->ended_bell.assign(bell.get(), failed);
    }
    if (failed) {
        // What the streams took over goes with them; their numbers must not be closed twice.
        return core::failure{failed,
                             core::say("service.process-control/process", handover.pid, failed.message())};
    }
    static_cast<void>(bell.release());
    made->pid = handover.pid;
    made->limited = limited_group::of(made->pid);
    made->mark = birthmark_of(made->pid);
    own_child(made->pid);
    return child(std::move(made));
}

child::child(std::shared_ptr<state> s) : state_(std::move(s)) {}
child::child(child&&) noexcept = default;
child& child::operator=(child&&) noexcept = default;
child::~child() = default;

pid_t child::pid() const noexcept {
    return state_->pid;
}

core::awaitable<exit_reason> child::wait() {
    return state::wait(state_);
}

core::awaitable<void> child::executed() {
    return state::executed(state_);
}

const std::optional<core::failure>& child::failed_start() const noexcept {
    return state_->failed_start;
}

const std::string& child::limits_refused() const noexcept {
    static const std::string nothing;
    return state_->limited ? state_->limited->refused : nothing;
}

const std::string& child::terminal_refused() const noexcept {
    return state_->no_terminal;
}

std::optional<memory_losses> child::memory_lost() const {
    return state_->limited ? state_->limited->lost() : std::nullopt;
}

std::uint64_t child::tasks_refused() const {
    return state_->limited ? state_->limited->refused_tasks() : 0;
}

core::result<void> child::signal_leader(int number) {
    if (state_->ended) {
        return {};
    }
    return outcome_of_signal(signal_pidfd(state_->ended_bell.native_handle(), number));
}

core::result<void> child::signal_group(int number) {
    state_->note_group();
    if (state_->group_gone) {
        return {};
    }
    return outcome_of_signal(::kill(-state_->pid, number));
}

bool child::ended() const noexcept {
    siginfo_t info{};
    const auto leader = static_cast<id_t>(state_->ended_bell.native_handle());
    return ::waitid(P_PIDFD, leader, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

bool child::halted() const noexcept {
    siginfo_t info{};
    const auto leader = static_cast<id_t>(state_->ended_bell.native_handle());
    return ::waitid(P_PIDFD, leader, &info, WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

bool child::group_alive() const {
    state_->note_group();
    if (state_->group_gone || (::kill(-state_->pid, 0) != 0 && errno == ESRCH)) {
        return false;
    }
    // The kernel counts zombies too; they only wait to be reaped.
    for (const pid_t pid : all_processes()) {
        const auto row = read_process(pid);
        if (row && row->group == state_->pid && !row->ended()) {
            return true;
        }
    }
    return false;
}

bool child::kill_family() {
    const bool signalled = static_cast<bool>(signal_group(SIGKILL));
    const bool empty = state_->own_group() == nullptr || state_->own_group()->kill_all();
    state_->note_mark();
    const std::size_t strays = kill_ownerless();
    const std::size_t alive = state_->mark ? kill_marked_descendants(*state_->mark) : 0;
    return signalled && empty && strays + alive == 0 && (state_->mark || !group_alive());
}

core::awaitable<core::result<std::string>> child::read(output_stream stream) {
    return state::read(state_, stream);
}

}  // namespace corral::process

#include "corral/device/reader.hpp"

#include <algorithm>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/system/system_error.hpp>

#include "corral/core/async.hpp"
#include "corral/core/say.hpp"
#include "corral/core/time.hpp"
#include "corral/core/wake_signal.hpp"
#include "corral/process/child.hpp"
#include "corral/process/program_check.hpp"
#include "corral/process/warden.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::device {

namespace {

// One call of a status tool, from its start to its end or its killing.
class tool_call {
public:
    tool_call(process::child started, process::warden& guard);
    tool_call(const tool_call&) = delete;
    tool_call& operator=(const tool_call&) = delete;
    // Kills what still lives of it; never waits.
    ~tool_call();

    // Reads what it prints until it ends, at most for `limit`; then kills what is left of it.
    [[nodiscard]] core::awaitable<void> finish(core::milliseconds limit);
    // Gives a killed one a moment to be gone. False: not even SIGKILL ends it.
    [[nodiscard]] core::awaitable<bool> is_gone();

    [[nodiscard]] bool answered() const noexcept { return answered_; }  // ended by itself, in its time
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
    [[nodiscard]] const process::exit_reason& how() const noexcept { return how_; }
    [[nodiscard]] const std::optional<core::failure>& never_ran() const noexcept {
        return child_.failed_start();
    }
    [[nodiscard]] const std::string& output() const noexcept { return output_; }
    [[nodiscard]] const std::string& errors() const noexcept { return errors_; }

private:
    core::awaitable<void> collect(process::output_stream stream, std::string& into);
    core::awaitable<void> await_end();
    core::awaitable<void> see_to_its_end();
    void kill();

    process::child child_;
    process::warden& guard_;
    process::exit_reason how_;
    std::string output_;
    std::string errors_;
    bool ended_ = false;
    bool answered_ = false;
    bool overflowed_ = false;
};

using namespace boost::asio::experimental::awaitable_operators;

constexpr std::size_t most_output = 256 * 1024;
constexpr std::size_t most_errors = 8 * 1024;
constexpr core::milliseconds death_limit{500};

core::awaitable<void> pause(core::milliseconds span) {
    const bool slept = co_await core::sleep_for(span);
    static_cast<void>(slept);
}

tool_call::tool_call(process::child started, process::warden& guard)
    : child_(std::move(started)), guard_(guard) {
    if (const auto sent = guard_.watch_group(child_.pid()); !sent) {
        telemetry::log().debug("the warden was not told of a status tool: {}", sent.error().message);
    }
}

tool_call::~tool_call() {
    kill();
    if (const auto sent = guard_.forget_group(child_.pid()); !sent) {
        telemetry::log().debug("the warden was not told of a status tool's end: {}", sent.error().message);
    }
}

void tool_call::kill() {
    static_cast<void>(
        child_.kill_family());  // what can't be killed at once dies with the next look for orphans
}

core::awaitable<void> tool_call::collect(process::output_stream stream, std::string& into) {
    const std::size_t most = stream == process::output_stream::out ? most_output : most_errors;
    while (true) {
        const core::result<std::string> bytes = co_await child_.read(stream);
        if (!bytes || bytes->empty()) {
            co_return;
        }
        const bool too_much = bytes->size() > most - into.size();
        into.append(*bytes, 0, most - into.size());
        if (too_much && !overflowed_) {
            overflowed_ = true;
            kill();
        }
    }
}

core::awaitable<void> tool_call::await_end() {
    const process::exit_reason how = co_await child_.wait();
    const auto* lost = std::get_if<process::lost_track>(&how);
    if (lost != nullptr && lost->why == boost::asio::error::operation_aborted) {
        co_return;
    }
    how_ = how;
    ended_ = true;
}

core::awaitable<void> tool_call::see_to_its_end() {
    auto out = collect(process::output_stream::out, output_);
    auto err = collect(process::output_stream::err, errors_);
    auto both = std::move(out) && std::move(err);
    auto end = await_end();
    co_await (std::move(both) && std::move(end));
}

core::awaitable<void> tool_call::finish(core::milliseconds limit) {
    auto all = see_to_its_end();
    auto too_long = pause(limit);
    co_await (std::move(all) || std::move(too_long));
    answered_ = ended_;  // whether or not a grandchild still holds its output
    kill();
}

core::awaitable<bool> tool_call::is_gone() {
    if (!ended_) {
        auto end = await_end();
        auto too_long = pause(death_limit);
        co_await (std::move(end) || std::move(too_long));
    }
    co_return ended_;
}

using program_fault = std::optional<process::program_fault>;

constexpr core::milliseconds good_for{1000};
constexpr int status_not_executable = 126;
constexpr int status_not_found = 127;

std::string seconds_text(core::milliseconds span) {
    const auto tenths = (span.count() + 99) / 100;
    return std::to_string(tenths / 10) + (tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10)) + " s";
}

// The last line with words, which in a tool's errors is the one that says it.
std::string last_words(const std::string& text) {
    const auto end = text.find_last_not_of(" \t\r\n");
    if (end == std::string::npos) {
        return {};
    }
    const auto begin = text.find_last_of('\n', end);
    const auto from = begin == std::string::npos ? 0 : begin + 1;
    return ": " + telemetry::printable(std::string_view(text).substr(from, end - from + 1), 160);
}

std::string said(const tool_call& call) {
    const std::string words = last_words(call.errors());
    return words.empty() ? last_words(call.output()) : words;
}

device_look problem(look_problem what, std::string message) {
    return {{}, what, std::move(message), {}};
}

device_look judge(const tool_call& call, const reader_options& how) {
    const std::string tool = "'" + how.command.front() + "'";
    if (!call.answered()) {
        return problem(look_problem::hangs, core::say("device.silent/gave", tool, seconds_text(how.timeout)));
    }
    if (call.never_ran()) {
        return problem(look_problem::tool_fails, call.never_ran()->message);
    }
    if (call.overflowed()) {
        return problem(look_problem::unreadable, core::say("device.unreadable/prints", tool));
    }
    const auto* status = std::get_if<process::exited_with>(&call.how());
    if (status != nullptr && (status->code == status_not_executable || status->code == status_not_found)) {
        return problem(look_problem::tool_missing, core::say("device.unreadable/run", tool, said(call)));
    }
    if (status == nullptr || status->code != 0) {
        return problem(look_problem::tool_fails,
                       tool + " failed (" + process::describe(call.how()) + ")" + said(call));
    }
    auto report = find_report_format(how.format)->parse(call.output(), how.card);
    if (!report) {
        return problem(look_problem::unreadable, core::say("device.unreadable/gave", tool, how.format));
    }
    return {{}, look_problem::none, {}, std::move(*report)};
}

}  // namespace

struct reader::state {
    state(const reader_context& with, reader_options asked)
        : context(with), how(std::move(asked)), done(with.on) {}

    [[nodiscard]] core::awaitable<device_look> call();

    reader_context context;
    reader_options how;
    core::wake_signal done;  // rung when `busy` turns false
    bool busy = false;
    std::optional<device_look> last;
    core::steady_time last_came;
    std::unique_ptr<tool_call> stuck;  // one that SIGKILL did not end
    std::uint64_t changes = 0;
};

reader::reader(const reader_context& context, reader_options how)
    : state_(std::make_unique<state>(context, std::move(how))) {}

reader::~reader() = default;

core::awaitable<device_look> reader::state::call() {
    if (stuck) {
        auto gone = stuck->is_gone();
        const bool over = co_await std::move(gone);
        if (!over) {
            co_return problem(look_problem::hangs, core::say("device.silent/hangs", how.command.front()));
        }
        stuck.reset();
    }
    process::spawn_spec wanted;
    wanted.command = how.command;
    wanted.environment = process::clean_environment();
    for (const auto& [name, value] : how.environment) {
        wanted.environment[name] = value;
    }
    wanted.environment[process::warden::token_name()] = context.guard->token();
    core::result<program_fault> fault = program_fault();
    if (context.disk == nullptr) {
        fault = process::check_program(wanted);
    } else {
        std::function<program_fault()> work = [wanted] { return process::check_program(wanted); };
        const auto until = core::deadline::after(how.timeout, context.clock->now());
        auto checking = context.disk->run(how.command.front(), std::move(work), until);
        fault = co_await std::move(checking);
    }
    if (!fault && fault.error().code == core::make_error_code(core::errc::cancelled)) {
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    }
    if (!fault) {
        co_return problem(look_problem::hangs,
                          core::say("device.unreadable/looked", how.command.front(), fault.error().message));
    }
    if (*fault) {
        co_return problem(look_problem::tool_missing, (*fault)->message);
    }
    auto started = process::child::spawn(context.on, wanted);
    if (!started) {
        co_return problem(look_problem::tool_fails, started.error().message);
    }
    auto running = std::make_unique<tool_call>(std::move(started.value()), *context.guard);
    auto finishing = running->finish(how.timeout);
    co_await std::move(finishing);
    device_look found = judge(*running, how);
    auto gone = running->is_gone();
    const bool over = co_await std::move(gone);
    if (!over) {
        stuck = std::move(running);
    }
    co_return found;
}

core::awaitable<device_look> reader::look(core::steady_time since) {
    state& s = *state_;
    const core::deadline forever;  // each call has its own
    while (s.busy) {
        const core::wake_reason woken = co_await s.done.wait(forever);
        if (woken == core::wake_reason::cancelled) {
            throw boost::system::system_error(boost::asio::error::operation_aborted);
        }
    }
    const core::steady_time began = s.context.clock->now();
    if (s.last && s.last->at >= since && began - s.last_came < good_for) {
        co_return *s.last;
    }
    s.busy = true;
    // Also when this look is cancelled or fails: another one waits to have its turn.
    struct turn {
        explicit turn(state& of) : s(of) {}
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn() {
            s.busy = false;
            s.done.ring();
        }
        state& s;
    };
    const turn mine(s);
    auto calling = s.call();
    device_look found = co_await std::move(calling);
    found.at = began;
    s.last = found;
    s.last_came = s.context.clock->now();
    co_return found;
}

const device_look* reader::last() const noexcept {
    return state_->last ? &*state_->last : nullptr;
}

const reader_options& reader::options() const noexcept {
    return state_->how;
}

std::uint64_t reader::changes() const noexcept {
    return state_->changes;
}

std::uint64_t reader::count_change() noexcept {
    return ++state_->changes;
}

bool reader::busy() const noexcept {
    return state_->busy;
}

const std::vector<std::shared_ptr<reader>>& reader_set::all() const {
    std::erase_if(readers_, [](const auto& one) { return one.use_count() == 1 && !one->busy(); });
    return readers_;
}

std::shared_ptr<reader> reader_set::find_or_make(const reader_options& how) {
    const auto known =
        std::ranges::find_if(readers_, [&how](const auto& one) { return one->options() == how; });
    if (known != readers_.end()) {
        return *known;
    }
    readers_.push_back(std::make_shared<reader>(context_, how));
    return readers_.back();
}

}  // namespace corral::device

#include "device/tool_call.hpp"

#include <csignal>

#include <utility>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "corral/core/wake_signal.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::device {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

constexpr std::size_t most_output = 256 * 1024;
constexpr std::size_t most_errors = 8 * 1024;
constexpr core::milliseconds death_limit{500};

core::awaitable<void> pause(core::milliseconds span) {
    const bool slept = co_await core::sleep_for(span);
    static_cast<void>(slept);
}

}  // namespace

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

}  // namespace corral::device

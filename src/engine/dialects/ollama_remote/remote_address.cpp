#include "engine/dialects/ollama_remote/remote_address.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "corral/catalog/trait_numbers.hpp"
#include "corral/core/say.hpp"
#include "corral/core/server_url.hpp"
#include "corral/core/text.hpp"
#include "corral/core/wake_signal.hpp"

namespace corral::engine::ollama_remote {

namespace asio = core::asio;
using asio::ip::tcp;

namespace {

constexpr std::uint16_t usual_port = 11434;
constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

// Empty where a resolver is to be asked.
tcp::resolver::results_type known_endpoints(const remote_address& where) {
    const std::uint16_t port = core::whole_number<std::uint16_t>(where.port).value_or(usual_port);
    core::error_code no_literal;
    const asio::ip::address literal = asio::ip::make_address(where.host, no_literal);
    if (!no_literal) {
        return tcp::resolver::results_type::create(tcp::endpoint(literal, port), where.host, where.port);
    }
    const auto own = core::own_endpoints(where.host, port);
    return tcp::resolver::results_type::create(own.begin(), own.end(), where.host, where.port);
}

// The first of them that takes a connection. Each has its share of the time until `end`: one that is silent, as an old
// address of a box, leaves some to the next.
core::awaitable<core::result<tcp::endpoint>> connect_to_one(tcp::resolver::results_type found,
                                                            core::steady_time end) {
    using namespace asio::experimental::awaitable_operators;
    const core::executor on = co_await asio::this_coro::executor;
    core::error_code error = asio::error::host_not_found;
    auto left = static_cast<core::steady_time::rep>(found.size());
    for (const auto& each : found) {
        const core::steady_time now = std::chrono::steady_clock::now();
        const core::steady_time share = now + (end - now) / left--;
        tcp::socket socket(on);
        const tcp::endpoint at = each.endpoint();
        auto first = co_await (socket.async_connect(at, no_throw) || core::sleep_until(share));
        error = asio::error::timed_out;
        if (first.index() == 0) {
            error = std::get<0>(std::get<0>(first));
        } else if (!std::get<1>(first)) {
            error = asio::error::operation_aborted;
        }
        if (!error) {
            co_return at;
        }
        if (error == asio::error::operation_aborted) {
            break;
        }
    }
    co_return core::failure{error, {}};
}

struct looked_up {
    core::error_code unknown;
    tcp::resolver::results_type found;
};

looked_up look_up(const std::string& host, const std::string& port) {
    asio::io_context nothing_runs;
    looked_up out;
    out.found = tcp::resolver(nothing_runs).resolve(host, port, out.unknown);
    return out;
}

}  // namespace

std::string remote_address::host_header() const {
    return core::server_url{host, {}}.host_text() + ":" + port;
}

std::string remote_address::text() const {
    return "http://" + host_header();
}

core::result<remote_address> parse_remote_url(std::string_view url) {
    const auto read = catalog::remote_url_of(std::string(url));
    if (!read) {
        return read.error();
    }
    return remote_address{read->host, std::to_string(read->port.value_or(usual_port))};
}

core::awaitable<core::result<tcp::endpoint>> reach(core::disk_work& threads, remote_address where,
                                                   core::deadline until) {
    tcp::resolver::results_type found = known_endpoints(where);
    if (found.empty()) {
        std::function<looked_up()> work = [host = where.host, port = where.port] {
            return look_up(host, port);
        };
        auto looking = threads.run("name " + where.host, std::move(work), until);
        core::result<looked_up> looked = co_await std::move(looking);
        const core::error_code unknown = looked ? looked->unknown : looked.error().code;
        if (unknown) {
            co_return core::failure{unknown, core::say("runtime.remote/name", where.host, unknown.message())};
        }
        found = std::move(looked->found);
    }
    core::result<tcp::endpoint> at = co_await connect_to_one(std::move(found), until.at());
    if (!at && at.error().code == asio::error::timed_out) {
        co_return core::make_failure(core::errc::timed_out,
                                     core::say("runtime.remote/answer-time", where.text()));
    }
    if (!at) {
        co_return core::failure{at.error().code, core::say("runtime.remote/unreachable", where.text(),
                                                           at.error().code.message())};
    }
    co_return at;
}

}  // namespace corral::engine::ollama_remote

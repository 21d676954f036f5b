#include "engine/dialects/ollama_remote/remote_address.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
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

// Empty where a resolver is to be asked. It has one thread for all, which a name that no server answers for holds for
// seconds, and who needs no look-up does not wait for it.
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

core::awaitable<core::result<tcp::endpoint>> look_up_and_connect(remote_address where,
                                                                 core::steady_time end) {
    const core::executor on = co_await asio::this_coro::executor;
    tcp::resolver resolver(on);
    core::error_code unknown;
    tcp::resolver::results_type found = known_endpoints(where);
    if (found.empty()) {
        try {
            auto looking = resolver.async_resolve(where.host, where.port, no_throw);
            std::tie(unknown, found) = co_await std::move(looking);
        } catch (const boost::system::system_error& error) {
            unknown = error.code();  // no thread for it can be started
        }
    }
    if (unknown) {
        co_return core::failure{unknown, core::say("runtime.remote/name", where.host, unknown.message())};
    }
    core::result<tcp::endpoint> at = co_await connect_to_one(std::move(found), end);
    if (!at && at.error().code == asio::error::timed_out) {
        co_return core::failure{at.error().code, core::say("runtime.remote/answer-time", where.text())};
    }
    if (!at) {
        co_return core::failure{at.error().code, core::say("runtime.remote/unreachable", where.text(),
                                                           at.error().code.message())};
    }
    co_return at;
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

core::awaitable<core::result<tcp::endpoint>> reach(remote_address where, core::deadline until) {
    using namespace asio::experimental::awaitable_operators;
    const std::string text = where.text();
    const core::steady_time end = until.at();
    auto first = co_await (look_up_and_connect(std::move(where), end) || core::sleep_until(end));
    if (first.index() == 1) {
        co_return core::make_failure(core::errc::timed_out, core::say("runtime.remote/answer-time", text));
    }
    core::result<tcp::endpoint> out = std::get<0>(std::move(first));
    co_return out;
}

}  // namespace corral::engine::ollama_remote

#include "engine/dialects/ollama_remote/remote_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "corral/core/wake_signal.hpp"

namespace corral::engine::ollama_remote {

namespace asio = core::asio;
using asio::ip::tcp;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

core::failure refused_url(std::string_view url, const std::string& why) {
    return {core::make_error_code(core::errc::invalid), "'" + std::string(url) + "' " + why};
}

bool is_port(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value > 0;
}

bool is_host(std::string_view text) {
    return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_' || c == ':';
    });
}

core::awaitable<core::result<tcp::endpoint>> look_up_and_connect(remote_address where) {
    const core::executor on = co_await asio::this_coro::executor;
    tcp::resolver resolver(on);
    core::error_code unknown;
    tcp::resolver::results_type found;
    try {
        auto looking = resolver.async_resolve(where.host, where.port, no_throw);
        std::tie(unknown, found) = co_await std::move(looking);
    } catch (const boost::system::system_error& error) {
        unknown = error.code();  // no thread for it can be started
    }
    if (unknown) {
        co_return core::failure{unknown,
                                "the name " + where.host + " can't be looked up: " + unknown.message()};
    }
    tcp::socket socket(on);
    auto [error, at] = co_await asio::async_connect(socket, found, no_throw);
    if (error) {
        co_return core::failure{error, where.text() + " can't be reached: " + error.message()};
    }
    co_return at;
}

}  // namespace

std::string remote_address::host_header() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

std::string remote_address::text() const {
    return "http://" + host_header();
}

core::result<remote_address> parse_remote_url(std::string_view url) {
    constexpr std::string_view plain = "http://";
    if (url.starts_with("https://")) {
        return refused_url(url,
                           "is an address with TLS, which is not spoken to remote servers; put a proxy that "
                           "speaks it on this machine, or a tunnel, and name http://127.0.0.1:PORT");
    }
    if (!url.starts_with(plain)) {
        return refused_url(url, "is no address of a server; write http://HOST:PORT");
    }
    std::string_view rest = url.substr(plain.size());
    if (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    if (rest.find_first_of("/?#@") != std::string_view::npos) {
        return refused_url(url,
                           "holds more than a host and a port; write http://HOST:PORT, and a key into a "
                           "file that 'key_file' names");
    }
    remote_address out;
    const auto colon = rest.rfind(':');
    const bool literal = rest.starts_with('[');
    const auto close = rest.find(']');
    const bool has_port = colon != std::string_view::npos && (!literal || colon > close);
    out.port = has_port ? std::string(rest.substr(colon + 1)) : std::string("11434");
    std::string_view host = has_port ? rest.substr(0, colon) : rest;
    if (literal && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find_first_of("[]:") != std::string_view::npos) {
        return refused_url(url,
                           "has no host that can be read; write http://HOST:PORT, or http://[ADDRESS]:PORT");
    }
    out.host = std::string(host);
    if (!is_host(out.host) || !is_port(out.port)) {
        return refused_url(url, "is no address of a server; write http://HOST:PORT");
    }
    return out;
}

core::awaitable<core::result<tcp::endpoint>> reach(remote_address where, core::deadline until) {
    using namespace asio::experimental::awaitable_operators;
    const std::string text = where.text();
    const core::steady_time end = until.at();
    auto first = co_await (look_up_and_connect(std::move(where)) || core::sleep_until(end));
    if (first.index() == 1) {
        co_return core::make_failure(core::errc::timed_out, text + " does not answer in time");
    }
    core::result<tcp::endpoint> out = std::get<0>(std::move(first));
    co_return out;
}

}  // namespace corral::engine::ollama_remote
